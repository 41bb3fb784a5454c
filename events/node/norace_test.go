//go:build !race

package node_test

// raceEnabled tells that everything takes several times as long.
const raceEnabled = false
