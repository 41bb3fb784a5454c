package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

// MaxReason bounds why a message is reported, and what an operator notes of
// it, in characters (code points).
const MaxReason = 2000

// Report is what decisions need to know of a report. The zero value is one
// that was not made.
type Report struct {
	Reporter uuid.UUID
	// Outcome is empty until it is resolved.
	Outcome events.ReportOutcome
}

// EvolveReport applies a fact of a report's stream.
func EvolveReport(r Report, fact events.Fact) Report {
	switch f := fact.(type) {
	case *events.MessageReported:
		r.Reporter = f.By
	case *events.ReportResolved:
		r.Outcome = f.Outcome
	}
	return r
}

// Reporting is the intent to report a message.
type Reporting struct {
	Conversation uuid.UUID
	Number       uint64
	By           uuid.UUID
	Reason       string
}

// AdmitReport lets participants report what others posted. The author is zero
// if the conversation has no such message. A retracted one can be reported: it
// was said, and its history is kept.
func AdmitReport(c *Conversation, author uuid.UUID, r Reporting) error {
	if err := c.Admit(r.By); err != nil {
		return err
	}
	if err := checkText("reason", r.Reason, 1, MaxReason); err != nil {
		return err
	}
	switch {
	case author == uuid.Nil:
		return NoSuchMessage(r.Number)
	case author == r.By:
		return refuse(Forbidden, "", "one's own message is retracted, not reported")
	}
	return nil
}

// ReportMessage makes a report that was admitted. A person reports a message
// once; after that there are no facts.
func ReportMessage(report Report, r Reporting) ([]events.Fact, error) {
	if report.Reporter != uuid.Nil {
		return nil, nil
	}
	return []events.Fact{&events.MessageReported{
		Report:       events.ReportID(r.Conversation, r.Number, r.By),
		Conversation: r.Conversation,
		Number:       r.Number,
		By:           r.By,
		Reason:       events.Private(r.Reason),
	}}, nil
}

// Resolution is an operator's intent to end a report.
type Resolution struct {
	Report  uuid.UUID
	By      string
	Outcome events.ReportOutcome
	// Note tells other operators why; it may be empty.
	Note string
}

// ResolveReport ends a report. One that has the same outcome already gives no
// facts.
func ResolveReport(report Report, r Resolution) ([]events.Fact, error) {
	if report.Reporter == uuid.Nil {
		return nil, refuse(Unknown, "", "there is no such report")
	}
	if r.Outcome != events.Upheld && r.Outcome != events.Dismissed {
		return nil, refuse(Invalid, "outcome", "must be %q or %q", events.Upheld, events.Dismissed)
	}
	if err := checkText("note", r.Note, 0, MaxReason); err != nil {
		return nil, err
	}
	switch report.Outcome {
	case r.Outcome:
		return nil, nil
	case "":
		return []events.Fact{&events.ReportResolved{
			Report: r.Report, Reporter: report.Reporter, By: r.By, Outcome: r.Outcome, Note: events.Private(r.Note),
		}}, nil
	}
	return nil, refuse(Taken, "outcome", "the report was %s before", report.Outcome)
}
