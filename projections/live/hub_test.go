package live_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/live"
)

var room, other = uuid.UUID{1}, uuid.UUID{2}

func TestOnlyTopicsSubscribedToWake(t *testing.T) {
	var hub live.Hub
	s := hub.Subscribe(room)
	defer s.Close()
	hub.Publish(live.Wake{Topic: other, Position: 1}, live.Wake{Topic: room, Position: 2})
	s.Add(other)
	hub.Publish(live.Wake{Topic: other, Position: 3})
	s.Remove(room)
	hub.Publish(live.Wake{Topic: room, Position: 4}, live.Wake{Topic: other, Position: 5})
	for _, want := range []live.Wake{{room, 2}, {other, 3}, {other, 5}} {
		if got := <-s.Wakes(); got != want {
			t.Errorf("woken by %+v, want %+v", got, want)
		}
	}
}

func TestSlowReaderIsDroppedAlone(t *testing.T) {
	var hub live.Hub
	slow, quick := hub.Subscribe(room), hub.Subscribe(room)
	defer quick.Close()
	for i := range live.Queued + 1 {
		hub.Publish(live.Wake{Topic: room, Position: events.Position(i)})
		if wake := <-quick.Wakes(); wake.Position != events.Position(i) {
			t.Errorf("woken at %d, want %d", wake.Position, i)
		}
	}
	count := 0
	for range slow.Wakes() {
		count++
	}
	if count != live.Queued {
		t.Errorf("the slow reader got %d wakes before it was dropped", count)
	}
	slow.Close()
	slow.Add(other)
	hub.Publish(live.Wake{Topic: other}, live.Wake{Topic: room, Position: 99})
	if wake := <-quick.Wakes(); wake.Position != 99 {
		t.Errorf("after the drop: %+v", wake)
	}
}

func TestCloseWhilePublishing(t *testing.T) {
	var hub live.Hub
	var running sync.WaitGroup
	running.Go(func() {
		for i := range 1000 {
			hub.Publish(live.Wake{Topic: room, Position: events.Position(i)})
		}
	})
	for range 100 {
		running.Go(func() {
			s := hub.Subscribe(room, other)
			hub.Publish(live.Wake{Topic: other})
			<-s.Wakes()
			s.Close()
			s.Close()
		})
	}
	running.Wait()
}

func BenchmarkWakeAThousand(b *testing.B) {
	var hub live.Hub
	var woken sync.WaitGroup
	for range 1000 {
		s := hub.Subscribe(room)
		defer s.Close()
		go func() {
			for range s.Wakes() {
				woken.Done()
			}
		}()
	}
	for b.Loop() {
		woken.Add(1000)
		hub.Publish(live.Wake{Topic: room})
		woken.Wait()
	}
}
