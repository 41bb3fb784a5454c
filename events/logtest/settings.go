package logtest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// The environment variables that tests of a log listen to.
const (
	// SeedVariable repeats the random choices of an earlier run, whose seed its
	// test printed.
	SeedVariable = "PARLEY_TEST_SEED"
	// FullVariable, set to 1, runs the heavy tests at their full size.
	FullVariable = "PARLEY_TEST_FULL"
)

// Random is a source of random choices that can be repeated: it prints its
// seed and takes it from PARLEY_TEST_SEED. It is for one goroutine.
func Random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if set := os.Getenv(SeedVariable); set != "" {
		var err error
		if seed, err = strconv.ParseUint(set, 10, 64); err != nil {
			t.Fatalf("%s: %v", SeedVariable, err)
		}
	}
	t.Logf("%s=%d repeats these choices", SeedVariable, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Full tells whether PARLEY_TEST_FULL asks for heavy tests at full size.
func Full() bool { return os.Getenv(FullVariable) == "1" }

// size is how large a heavy test is, which it prints.
func (s *suite) size(small, full int) int {
	s.Helper()
	if Full() {
		s.Logf("full size: %d", full)
		return full
	}
	s.Logf("size: %d; %d with %s=1", small, full, FullVariable)
	return small
}
