package node

import (
	"sync"

	"parley/events"
)

// milestone is a position that only rises, and those who wait for it.
type milestone struct {
	mu sync.Mutex
	at events.Position
	// grown is closed and forgotten when at rises; nil if no one waits.
	grown chan struct{}
}

func (m *milestone) reached() events.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *milestone) moveTo(position events.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = position
	if m.grown != nil {
		close(m.grown)
		m.grown = nil
	}
}

// growth is closed when the milestone rises; nil if it is beyond the position
// already.
func (m *milestone) growth(position events.Position) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at > position {
		return nil
	}
	if m.grown == nil {
		m.grown = make(chan struct{})
	}
	return m.grown
}
