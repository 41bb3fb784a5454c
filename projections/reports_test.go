package projections_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func (w *world) report(conversation, user uuid.UUID, number uint64, reason string, after time.Duration) (uuid.UUID, events.Position) {
	w.t.Helper()
	id := events.ReportID(conversation, number, user)
	event := w.append(events.ReportStream(id), by(user, after), &events.MessageReported{
		Report: id, Conversation: conversation, Number: number, By: user, Reason: events.Private(reason),
	})
	return id, event.Position
}

func (w *world) resolve(report, reporter uuid.UUID, outcome events.ReportOutcome, note string, after time.Duration) {
	w.t.Helper()
	cause := events.Cause{Actor: "ops", OccurredAt: morning.Add(after)}
	w.append(events.ReportStream(report), cause, &events.ReportResolved{
		Report: report, Reporter: reporter, By: "ops", Outcome: outcome, Note: events.Private(note),
	})
}

func TestReportsShowTheirMessages(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob, cyd)
		w.post(room, ann, "watches", 0)
		w.post(room, bob, "hello", 0)
		first, _ := w.report(room, bob, 0, "spam", time.Hour)
		second, _ := w.report(room, cyd, 0, "rude", 2*time.Hour)
		third, _ := w.report(room, ann, 1, "boring", 3*time.Hour)
		w.edit(room, ann, 0, "good morning", 3*time.Hour)
		w.retract(room, ann, 0, 4*time.Hour)
		w.resolve(second, cyd, events.Upheld, "gone", 5*time.Hour)
		w.resolve(second, cyd, events.Dismissed, "a repeat has no effect", 6*time.Hour)
		set, stop := w.settled()

		got, err := set.Reports.Get(t.Context(), second)
		outcome, ops, at := events.Upheld, "ops", morning.Add(5*time.Hour)
		if got.Message == nil || !got.Message.Retracted || got.Message.Author != ann {
			t.Errorf("the message is %+v", got.Message)
		}
		want := projections.Report{
			ID: second, ConversationID: room, Number: 0, ReportedBy: cyd, ReportedAt: morning.Add(2 * time.Hour), Reason: "rude",
			Outcome: &outcome, ResolvedBy: &ops, ResolvedAt: &at, Note: "gone", Message: got.Message, Reported: got.Reported,
		}
		if got.Reported == nil || got.Reported.Text != "watches" || got.Reported.Retracted || got.Reported.EditedAt != nil {
			t.Errorf("what was reported is %+v", got.Reported)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("the report: %v (-want +got):\n%s", err, diff)
		}
		for state, want := range map[projections.ReportState][]uuid.UUID{
			"": {first, second, third}, projections.ReportOpen: {first, third}, projections.ReportResolved: {second},
		} {
			if diff := cmp.Diff(want, listed(t, set, state)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", state, diff)
			}
		}
		before := digests(t, set)
		stop()
		w.elsewhere()
		w.opts.BatchEvents = 1
		set, _ = w.settled()
		if diff := cmp.Diff(before, digests(t, set)); diff != "" {
			t.Errorf("rebuilt one by one: %s", diff)
		}
	})
}

// listed goes through the pages of reports, which have one each.
func listed(t *testing.T, set *projections.Set, state projections.ReportState) (ids []uuid.UUID) {
	t.Helper()
	for after := events.Position(0); ; {
		page, err := set.Reports.List(t.Context(), state, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, report := range page.Reports {
			ids = append(ids, report.ID)
		}
		if page.Next == nil {
			return ids
		}
		after = positionIn(t, *page.Next, "after")
	}
}

// TestReportsForgetWhoMadeThem: what an erased person told is gone from a view
// that showed it, as from one that never could.
func TestReportsForgetWhoMadeThem(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		w.post(room, ann, "watches", 0)
		w.post(room, ann, "more watches", 0)
		first, _ := w.report(room, bob, 0, "spam", time.Hour)
		w.resolve(first, bob, events.Upheld, "bob is right", 2*time.Hour)
		set, stop := w.settled()
		w.erase(bob, 3*time.Hour)
		second, _ := w.report(room, bob, 1, "spam, by a request that was under way", 4*time.Hour)
		w.catchUp(set)
		for _, id := range []uuid.UUID{first, second} {
			if got, err := set.Reports.Get(t.Context(), id); err != nil || got.Reason != "" || got.Note != "" || got.Message == nil {
				t.Errorf("%+v, %v", got, err)
			}
		}
		before := digests(t, set)
		stop()
		w.forget(bob)
		w.elsewhere()
		set, _ = w.settled()
		if diff := cmp.Diff(before, digests(t, set)); diff != "" {
			t.Errorf("rebuilt without the key: %s", diff)
		}
	})
}

// TestReportsOfWhatWasRetracted: what is reported after it was retracted is
// shown as it stood before.
func TestReportsOfWhatWasRetracted(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		w.post(room, ann, "watches", 0)
		w.edit(room, ann, 0, "cheap watches", time.Hour)
		w.retract(room, ann, 0, 2*time.Hour)
		id, _ := w.report(room, bob, 0, "spam", 3*time.Hour)
		set, _ := w.settled()
		got, err := set.Reports.Get(t.Context(), id)
		if err != nil || got.Reported == nil || got.Reported.Text != "cheap watches" || got.Reported.Retracted || !got.Message.Retracted {
			t.Errorf("%v: reported %+v, now %+v", err, got.Reported, got.Message)
		}
	})
}
