package decide_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func reportOf(past ...events.Fact) (report decide.Report) {
	for _, fact := range past {
		report = decide.EvolveReport(report, fact)
	}
	return report
}

func TestReports(t *testing.T) {
	id := events.ReportID(room, 7, bob)
	reports := decide.Reporting{Conversation: room, Number: 7, By: bob, Reason: "It sells watches"}
	reported := &events.MessageReported{Report: id, Conversation: room, Number: 7, By: bob, Reason: events.Private("It sells watches")}
	upholds := decide.Resolution{Report: id, By: "ops", Outcome: events.Upheld, Note: "retracted"}
	upheld := &events.ReportResolved{Report: id, Reporter: bob, By: "ops", Outcome: events.Upheld, Note: events.Private("retracted")}

	t.Run("of a message by somebody else", func(t *testing.T) {
		if err := decide.AdmitReport(given(group(ada, bob)), ada, reports); err != nil {
			t.Error(err)
		}
		facts, err := decide.ReportMessage(reportOf(), reports)
		when(t, facts, err).then(reported)
	})
	t.Run("once", func(t *testing.T) {
		again := reports
		again.Reason = "It still sells watches"
		facts, err := decide.ReportMessage(reportOf(reported), again)
		when(t, facts, err).then()
		facts, err = decide.ReportMessage(reportOf(reported, upheld), again)
		when(t, facts, err).then()
	})
	for name, c := range map[string]struct {
		author uuid.UUID
		kind   decide.Kind
		field  string
		change func(*decide.Reporting)
	}{
		"by a stranger":     {ada, decide.Unknown, "", func(r *decide.Reporting) { r.By = cleo }},
		"of one's own":      {bob, decide.Forbidden, "", func(*decide.Reporting) {}},
		"of no message":     {uuid.Nil, decide.Unknown, "", func(*decide.Reporting) {}},
		"without a reason":  {ada, decide.Invalid, "reason", func(r *decide.Reporting) { r.Reason = "" }},
		"with a blank one":  {ada, decide.Invalid, "reason", func(r *decide.Reporting) { r.Reason = " \n" }},
		"with too long one": {ada, decide.Invalid, "reason", func(r *decide.Reporting) { r.Reason = strings.Repeat("é", decide.MaxReason+1) }},
	} {
		t.Run("not "+name, func(t *testing.T) {
			intent := reports
			c.change(&intent)
			when(t, nil, decide.AdmitReport(given(group(ada, bob)), c.author, intent)).thenRefused(c.kind, c.field)
		})
	}
	for _, c := range []struct {
		name string
		past decide.Report
		r    decide.Resolution
		want []events.Fact
	}{
		{"resolved", reportOf(reported), upholds, []events.Fact{upheld}},
		{"resolved once", reportOf(reported, upheld), upholds, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts, err := decide.ResolveReport(c.past, c.r)
			when(t, facts, err).then(c.want...)
		})
	}
	dismisses, vague, wordy := upholds, upholds, upholds
	dismisses.Outcome, vague.Outcome, wordy.Note = events.Dismissed, "ignored", strings.Repeat("a", decide.MaxReason+1)
	for _, c := range []struct {
		name  string
		past  decide.Report
		r     decide.Resolution
		kind  decide.Kind
		field string
	}{
		{"one that is not there", reportOf(), upholds, decide.Unknown, ""},
		{"another way", reportOf(reported, upheld), dismisses, decide.Taken, "outcome"},
		{"without an outcome", reportOf(reported), vague, decide.Invalid, "outcome"},
		{"with too much to say", reportOf(reported), wordy, decide.Invalid, "note"},
	} {
		t.Run("not resolved: "+c.name, func(t *testing.T) {
			facts, err := decide.ResolveReport(c.past, c.r)
			when(t, facts, err).thenRefused(c.kind, c.field)
		})
	}
}
