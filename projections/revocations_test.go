package projections_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"parley/events"
	"parley/events/commands"
	"parley/projections"
)

func TestRevocations(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		write := commands.New(w.journal)
		cause := events.Cause{Actor: "operator"}
		revokeToken := func(token, subject string) events.Event {
			t.Helper()
			event, err := write.RevokeToken(t.Context(), cause, events.TokenRevoked{Token: token, Subject: subject, Expires: morning.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			return event
		}
		revokeAll := func(subject string, upTo time.Time) {
			t.Helper()
			if _, err := write.RevokeSubject(t.Context(), events.Cause{Actor: "operator", OccurredAt: upTo}, subject); err != nil {
				t.Fatal(err)
			}
		}
		first, again := revokeToken("t1", "ada"), revokeToken("t1", "ada")
		if first.Position != again.Position {
			t.Errorf("revoking twice wrote at %d and %d", first.Position, again.Position)
		}
		views := w.open()
		told := make(chan string, 10)
		views.Revocations.Listen(func(subject string) { told <- subject })
		if _, err := views.Revocations.Revoked(t.Context(), 0, "t2", "ada", morning); !errors.Is(err, projections.ErrBehind) {
			t.Errorf("before the log was read: %v", err)
		}
		running, stop := context.WithCancel(t.Context())
		var followed sync.WaitGroup
		followed.Go(func() { views.Run(running) })
		t.Cleanup(func() {
			stop()
			followed.Wait()
			closing(t, views.Close)
		})
		expect := func(id, subject string, issued time.Time, want bool) {
			t.Helper()
			got, err := views.Revocations.Revoked(t.Context(), time.Minute, id, subject, issued)
			if err != nil || got != want {
				t.Errorf("%s of %s issued at %v is revoked: %v, %v", id, subject, issued, got, err)
			}
		}
		expect("t1", "ada", morning, true)
		expect("t2", "ada", morning, false)

		hear := func(subject string) {
			t.Helper()
			for heard := range told {
				if heard == subject {
					return
				}
			}
		}
		hear("ada")
		revokeAll("bob", morning)
		revokeAll("ada", morning)
		hear("bob")
		hear("ada")
		expect("t2", "ada", morning, true)
		expect("t2", "ada", morning.Add(time.Second), false)
		expect("t3", "bob", morning, true)
		revokeAll("ada", morning.Add(-time.Hour))
		hear("ada")
		expect("t2", "ada", morning, true)
	})
}
