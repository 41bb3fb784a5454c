package events

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// ReportStream is where the report of a message is kept.
func ReportStream(report uuid.UUID) string { return "report-" + report.String() }

// reportSpace is the UUIDv5 namespace of reports.
var reportSpace = uuid.MustParse("1f3c5c0e-6f0f-5a56-8b11-7b110d0a3f5e")

// ReportID is the id of the one report that a person makes of a message.
func ReportID(conversation uuid.UUID, number uint64, by uuid.UUID) uuid.UUID {
	name := binary.BigEndian.AppendUint64(conversation[:], number)
	return uuid.NewSHA1(reportSpace, append(name, by[:]...))
}

// MessageReported asks the operators to look at a message. It begins the
// report's stream.
type MessageReported struct {
	Report       uuid.UUID `json:"report"`
	Conversation uuid.UUID `json:"conversation"`
	Number       uint64    `json:"number"`
	By           uuid.UUID `json:"by"`
	Reason       Secret    `json:"reason"`
}

// ReportOutcome is what an operator found of a report.
type ReportOutcome string

const (
	// Upheld: the message was rightly reported.
	Upheld ReportOutcome = "upheld"
	// Dismissed: there is nothing wrong with it.
	Dismissed ReportOutcome = "dismissed"
)

// ReportResolved ends a report.
type ReportResolved struct {
	Report uuid.UUID `json:"report"`
	// Reporter is who made the report, and whose the note is.
	Reporter uuid.UUID `json:"reporter"`
	// By is the operator, as their token names them.
	By      string        `json:"by"`
	Outcome ReportOutcome `json:"outcome"`
	Note    Secret        `json:"note,omitzero"`
}

func (f *MessageReported) secrets() []ownedSecret { return []ownedSecret{{f.By, &f.Reason}} }
func (f *ReportResolved) secrets() []ownedSecret  { return ownedBy(f.Reporter, &f.Note) }
