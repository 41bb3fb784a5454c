package logtest

import (
	"testing"

	"github.com/anishathalye/porcupine"

	"parley/events"
)

const (
	idA = "aaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbb"
)

// TestTheModelTellsOrdersApart checks the judge of concurrent histories: each
// of these is an append of a and one of b, both with Any, and what was read
// during or after them.
func TestTheModelTellsOrdersApart(t *testing.T) {
	appended := func(ids string, at int64, call, back int64) porcupine.Operation {
		q := question{kind: appends, expected: events.Any, ids: ids}
		return porcupine.Operation{Input: q, Output: told{last: at}, Call: call, Return: back}
	}
	read := func(kind questionKind, ids string, last, call, back int64) porcupine.Operation {
		return porcupine.Operation{Input: question{kind: kind}, Output: told{ids: ids, last: last}, Call: call, Return: back}
	}
	a, b := appended(idA, 0, 1, 10), appended(idB, 1, 5, 20)
	refusedAt := func(expected events.Expected, actual, call, back int64) porcupine.Operation {
		q := question{kind: appends, expected: expected, ids: "cccccccccccccccc"}
		return porcupine.Operation{Input: q, Output: told{refused: true, last: actual}, Call: call, Return: back}
	}
	for name, try := range map[string]struct {
		then porcupine.Operation
		fits bool
	}{
		"both after both":              {read(readsAll, idA+idB, 1, 30, 40), true},
		"the end after both":           {read(readsEnd, idB, 1, 30, 40), true},
		"one during both":              {read(readsAll, idA, 0, 5, 8), true},
		"none during both":             {read(readsAll, "", -1, 5, 8), true},
		"the first only, after both":   {read(readsAll, idA, 0, 30, 40), false},
		"an old end after both":        {read(readsEnd, idA, 0, 30, 40), false},
		"the second without the first": {read(readsAll, idB, 0, 5, 8), false},
		"another order":                {read(readsAll, idB+idA, 1, 30, 40), false},
		"a repeat":                     {appended(idA, 0, 30, 40), true},
		"a repeat at another place":    {appended(idA, 2, 30, 40), false},
		"a place taken twice":          {appended("cccccccccccccccc", 1, 30, 40), false},
		"a gap":                        {appended("cccccccccccccccc", 3, 30, 40), false},
		"a refusal that is due":        {refusedAt(events.At(0), 1, 30, 40), true},
		"a refusal that is not":        {refusedAt(events.At(1), 1, 30, 40), false},
		"a refusal of the past":        {refusedAt(events.At(0), 0, 30, 40), false},
	} {
		t.Run(name, func(t *testing.T) {
			if fits := porcupine.CheckOperations(streamModel, []porcupine.Operation{a, b, try.then}); fits != try.fits {
				t.Errorf("fits: %v, want %v", fits, try.fits)
			}
		})
	}
}
