package events

import "github.com/google/uuid"

// CaseStream is where a case of after-sales service is kept.
func CaseStream(kase uuid.UUID) string { return "case-" + kase.String() }

// CaseStep is what all facts of a case have in common.
type CaseStep struct {
	Case     uuid.UUID `json:"case"`
	Merchant uuid.UUID `json:"merchant"`
	Customer uuid.UUID `json:"customer"`
	// By is the agent or the customer who did it.
	By uuid.UUID `json:"by"`
}

// Step is what the fact has in common with the others of its case.
func (s *CaseStep) Step() *CaseStep { return s }

func (*CaseStep) secrets() []ownedSecret { return nil }

// CaseFact is a fact of a case's stream.
type CaseFact interface {
	Fact
	Step() *CaseStep
}

// CaseOpened begins a case in the conversation of a merchant and a customer.
type CaseOpened struct {
	CaseStep
	Subject Secret `json:"subject"`
	// Order is what it is about, if it is about an order.
	Order uuid.UUID `json:"order,omitzero"`
	// Message is the number of the message it was opened from, if any.
	Message *uint64 `json:"message,omitempty"`
}

// CaseAssigned gives a case to an agent, or to nobody.
type CaseAssigned struct {
	CaseStep
	Agent uuid.UUID `json:"agent,omitzero"`
}

// CaseResolved ends a case.
type CaseResolved struct {
	CaseStep
	Note Secret `json:"note,omitzero"`
}

// CaseReopened takes a resolved case up again.
type CaseReopened struct {
	CaseStep
	Note Secret `json:"note,omitzero"`
}

func (f *CaseOpened) secrets() []ownedSecret { return []ownedSecret{{f.Customer, &f.Subject}} }

func (f *CaseResolved) secrets() []ownedSecret { return ownedBy(f.Customer, &f.Note) }
func (f *CaseReopened) secrets() []ownedSecret { return ownedBy(f.Customer, &f.Note) }
