//go:build !race

package importer

// raceEnabled makes everything some ten times slower.
const raceEnabled = false
