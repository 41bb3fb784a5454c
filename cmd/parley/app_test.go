package main

import (
	"strings"
	"testing"
)

func TestAppCommandsThatCannotBeCarriedOut(t *testing.T) {
	t.Setenv("PARLEY_TOKEN", "")
	for line, code := range map[string]int{
		"app register --name N":                            misuse,
		"app register --name N --token x --server nowhere": misuse,
		"app secret": misuse,
		"app webhook A --token x --remove --url http://127.0.0.1":      misuse,
		"app listen A --token x --forward 5000":                        misuse,
		"app secret A --token x --server http://127.0.0.1:1":           failed,
		"app install A --token x":                                      misuse,
		"app webhook A --token x --server ftp://127.0.0.1 --url there": misuse,
	} {
		if got := run(t.Context(), strings.Fields(line)); got != code {
			t.Errorf("parley %s: exit code %d, want %d", line, got, code)
		}
	}
}
