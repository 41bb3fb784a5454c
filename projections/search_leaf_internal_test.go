package projections

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// FuzzLeaf reads bytes that are no leaf, which must be told from one or be
// written as they were.
func FuzzLeaf(f *testing.F) {
	l := &leaf{first: 40}
	author := uuid.UUID{1}
	l.add(newEntry(40, -5, &decide.MessageState{Author: author}, spaced([]string{"one", "two"})))
	l.add(newEntry(300, 7, &decide.MessageState{Author: author, Order: true, Forwarded: &events.Forwarded{Author: uuid.UUID{2}}}, nil))
	if err := l.reword(func(e *entry) bool { e.words = spaced([]string{"three"}); return e.number == 300 }); err != nil {
		f.Fatal(err)
	}
	f.Add(l.content)
	f.Add(l.content[:len(l.content)-1])
	f.Add(l.content[:10])
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, content []byte) {
		l := &leaf{first: 40, content: content}
		var again []byte
		for at := 0; at < len(content); {
			e, end, err := l.entry(at)
			if err != nil {
				if _, _, textErr := l.text(); textErr == nil {
					t.Error("its text was read nevertheless")
				}
				return
			}
			if end <= at || end > len(content) {
				t.Fatalf("the entry at %d ends at %d of %d", at, end, len(content))
			}
			again = l.appendEntry(again, &e)
			at = end
		}
		if len(again) > len(content) || len(again) == len(content) && !bytes.Equal(again, content) {
			t.Errorf("%x was read as %x", content, again)
		}
	})
}
