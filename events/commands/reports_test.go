package commands_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestAMessageIsReportedOnceByEach(t *testing.T) {
	w := newWorld(t)
	ada, bob, cleo := w.register("ada"), w.register("bob"), w.register("cleo")
	room := w.group(ada, bob)
	if _, err := w.Post(t.Context(), as(ada), decide.Message{Conversation: room, Author: ada, Text: "Watches!"}); err != nil {
		t.Fatal(err)
	}
	report := func(by uuid.UUID, number uint64, reason string) (events.Event, bool, error) {
		return w.ReportMessage(t.Context(), as(by), decide.Reporting{Conversation: room, Number: number, By: by, Reason: reason})
	}
	first, existed, err := report(bob, 0, "spam")
	if err != nil || existed {
		t.Fatalf("reported before: %v, %v", existed, err)
	}
	again, existed, err := report(bob, 0, "more spam")
	if err != nil || !existed || again.Position != first.Position || again.Fact.(*events.MessageReported).Reason.Plain != "spam" {
		t.Errorf("the repeat: %+v, %v, %v", again, existed, err)
	}
	for name, c := range map[string]struct {
		by     uuid.UUID
		number uint64
		kind   decide.Kind
	}{
		"a stranger": {cleo, 0, decide.Unknown}, "its author": {ada, 0, decide.Forbidden}, "one that is not there": {bob, 9, decide.Unknown},
	} {
		if _, _, err := report(c.by, c.number, "spam"); !refusedAs(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := first.Fact.(*events.MessageReported).Report
	resolve := func(report uuid.UUID, outcome events.ReportOutcome) ([]events.Event, error) {
		return w.ResolveReport(t.Context(), events.Cause{Actor: "ops"}, decide.Resolution{Report: report, By: "ops", Outcome: outcome})
	}
	if written, err := resolve(id, events.Upheld); err != nil || len(written) != 1 {
		t.Errorf("resolved: %+v, %v", written, err)
	}
	if written, err := resolve(id, events.Upheld); err != nil || len(written) != 0 {
		t.Errorf("resolved again: %+v, %v", written, err)
	}
	if _, err := resolve(id, events.Dismissed); !refusedAs(err, decide.Taken) {
		t.Errorf("dismissed after all: %v", err)
	}
	if _, err := resolve(uuid.New(), events.Upheld); !refusedAs(err, decide.Unknown) {
		t.Errorf("a report of nobody: %v", err)
	}
}
