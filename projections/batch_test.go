package projections

import (
	"errors"
	"testing"

	"parley/events"
)

func TestBatchIsClosedWhenItIsFull(t *testing.T) {
	event := func(position events.Position, size int) events.Recorded {
		return events.Recorded{Position: position, Type: "Fact", Data: make([]byte, size)}
	}
	tests := []struct {
		what    string
		events  []events.Recorded
		failed  error
		careful events.Position
		want    bool
	}{
		{"an event", []events.Recorded{event(1, 10)}, nil, 0, false},
		{"as many as it takes", []events.Recorded{event(1, 10), event(2, 10), event(3, 10)}, nil, 0, true},
		{"large ones", []events.Recorded{event(1, batchBytes/2), event(2, batchBytes/2)}, nil, 0, true},
		{"a mark", []events.Recorded{{Position: 1}}, nil, 0, true},
		{"an error", nil, errors.New("no"), 0, true},
		{"one by one", []events.Recorded{event(1, 10)}, nil, 1, true},
		{"one by one no more", []events.Recorded{event(2, 10)}, nil, 1, false},
	}
	for _, test := range tests {
		b := &batch[int]{failed: test.failed}
		for _, recorded := range test.events {
			b.add(recorded, 0)
		}
		if got := b.closed(3, test.careful); got != test.want {
			t.Errorf("%s: closed is %v", test.what, got)
		}
	}
}
