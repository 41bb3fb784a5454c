package projections

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"parley/events"
)

func TestRestsUnlessSomebodyWaits(t *testing.T) {
	const applied = events.Position(7)
	tests := []struct {
		name string
		// when somebody begins to wait, and for what; never if it is nil
		waits map[time.Duration]events.Position
		count int
		rests time.Duration
	}{
		{"nobody waits", nil, 1000, restMost},
		{"few events", nil, 3, 3 * restEach},
		{"somebody waited before", map[time.Duration]events.Position{0: applied + 1}, 1000, 0},
		{"somebody waits for what is in the view in a moment", map[time.Duration]events.Position{0: applied}, 1000, restMost},
		{"somebody begins to wait", map[time.Duration]events.Position{restMost / 2: applied + 1}, 1000, restMost / 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := &runner[searchFact]{progress: &progress{hurry: make(chan struct{}, 1)}}
				for after, position := range test.waits {
					go func() {
						time.Sleep(after)
						_ = r.wait(ctx, position)
					}()
				}
				synctest.Wait()
				select {
				case <-r.hurry: // of whoever waited before the batch was read
				default:
				}
				began := time.Now()
				r.rest(ctx, applied, test.count)
				if rested := time.Since(began); rested != test.rests {
					t.Errorf("rested for %v, not %v", rested, test.rests)
				}
			})
		})
	}
}
