//go:build !race

package main

// raceEnabled has the binary built as the tests are.
const raceEnabled = false
