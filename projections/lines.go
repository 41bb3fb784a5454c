package projections

import (
	"slices"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// linesKept bounds how many messages recentLines has, and longestLine how
	// long each is.
	linesKept   = 1 << 12
	longestLine = 4 << 10
)

// recentLines keeps messages that were committed last, ready to send: live
// readers are told of them at once, and those who were away for a moment soon.
// The engine alone writes to it, after each commit and before anyone who waits
// for it goes on, so it shows what the view does. Where another server brings
// the view forward it stays empty.
type recentLines struct {
	byKey *lru.Cache[messageKey, []byte]
}

// numberedLine is the line of a message.
type numberedLine struct {
	number int64
	line   []byte
}

func newRecentLines() *recentLines {
	byKey, err := lru.New[messageKey, []byte](linesKept)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &recentLines{byKey}
}

// get returns a message's line, which is shared and must not be changed.
func (l *recentLines) get(conversation uuid.UUID, number uint64) ([]byte, bool) {
	line, recent := l.byKey.Get(messageKey{conversation, number})
	return slices.Clip(line), recent
}

// keep takes what a commit has added to some rooms or replaced in them. Of a
// commit that brings more than fits nothing is kept: a view that catches up has
// nobody who listens.
func (l *recentLines) keep(rooms []*room) {
	count := 0
	for _, r := range rooms {
		count += len(r.lines)
	}
	if count > linesKept {
		l.clear()
	}
	for _, r := range rooms {
		for _, said := range r.lines {
			key := messageKey{r.id, uint64(said.number)}
			switch {
			case count > linesKept:
			case len(said.line) > longestLine:
				l.byKey.Remove(key)
			default:
				l.byKey.Add(key, said.line)
			}
		}
		r.lines = nil
	}
}

func (l *recentLines) clear() { l.byKey.Purge() }
