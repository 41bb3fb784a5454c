package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

const maxSubject = 500

// Case is what decisions need to know of a case of after-sales service. The
// zero value is one that was not opened.
type Case struct {
	ID, Merchant, Customer uuid.UUID
	Agent                  uuid.UUID // who it is assigned to, if anybody
	Resolved               bool
	Facts                  int
}

// NewCase is a case before its first fact.
func NewCase() *Case { return new(Case) }

// EvolveCase applies a fact of a case's stream; it changes and returns the case
// given.
func EvolveCase(c *Case, fact events.Fact) *Case {
	c.Facts++
	switch f := fact.(type) {
	case *events.CaseOpened:
		c.ID, c.Merchant, c.Customer = f.Case, f.Merchant, f.Customer
	case *events.CaseAssigned:
		c.Agent = f.Agent
	case *events.CaseResolved:
		c.Resolved = true
	case *events.CaseReopened:
		c.Resolved = false
	}
	return c
}

// Opened tells whether the case exists.
func (c *Case) Opened() bool { return c.ID != uuid.Nil }

// Complaint is the intent to open a case.
type Complaint struct {
	Case, Merchant, Customer uuid.UUID
	// By is the customer or an agent of the merchant.
	By      uuid.UUID
	Subject string
	// Order is what it is about; zero if it is about no order. Known tells
	// that it is one of this merchant and customer.
	Order uuid.UUID
	Known bool
	// Message is the number of the message it is opened from, if any, and
	// Found tells that the conversation has it.
	Message *uint64
	Found   bool
}

// OpenCase opens a case. That whoever does is in the conversation is for the
// caller to see to.
func OpenCase(c *Case, p Complaint) ([]events.Fact, error) {
	if err := checkText("subject", p.Subject, 1, maxSubject); err != nil {
		return nil, err
	}
	switch {
	case p.Order != uuid.Nil && !p.Known:
		return nil, refuse(Invalid, "orderId", "there is no such order in this conversation")
	case p.Message != nil && !p.Found:
		return nil, refuse(Invalid, "message", "there is no message %d in this conversation", *p.Message)
	case c.Opened():
		return nil, refuse(Taken, "", "this case is open already")
	}
	return []events.Fact{&events.CaseOpened{
		CaseStep: events.CaseStep{Case: p.Case, Merchant: p.Merchant, Customer: p.Customer, By: p.By},
		Subject:  events.Private(p.Subject), Order: p.Order, Message: p.Message,
	}}, nil
}

// NoSuchCase is what everybody is told who has no part in a case, and who names
// one that does not exist.
func NoSuchCase() error {
	return refuse(Unknown, "", "there is no such case among yours")
}

// CaseStatus is whether a case waits for something.
type CaseStatus string

// The statuses of a case.
const (
	CaseOpen     CaseStatus = "open"
	CaseResolved CaseStatus = "resolved"
)

// Handling is the intent to change a case. What is nil or empty stays as it
// is.
type Handling struct {
	// By is the customer or an agent; Agent tells which.
	By    uuid.UUID
	Agent bool
	// Assignee is an agent of the merchant, if Employed, or zero for nobody.
	Assignee *uuid.UUID
	Employed bool
	Status   CaseStatus
	Note     string
}

// HandleCase assigns, resolves and reopens. Only agents assign; the customer
// may resolve and reopen too.
func HandleCase(c *Case, h Handling) ([]events.Fact, error) {
	if err := h.check(c); err != nil {
		return nil, err
	}
	step := events.CaseStep{Case: c.ID, Merchant: c.Merchant, Customer: c.Customer, By: h.By}
	var facts []events.Fact
	resolved := c.Resolved
	if h.Status == CaseOpen && resolved {
		facts, resolved = append(facts, &events.CaseReopened{CaseStep: step, Note: events.Private(h.Note)}), false
	}
	if h.Assignee != nil && *h.Assignee != c.Agent {
		if resolved {
			return nil, refuse(Taken, "assignee", "a resolved case is assigned after it was reopened")
		}
		facts = append(facts, &events.CaseAssigned{CaseStep: step, Agent: *h.Assignee})
	}
	if h.Status == CaseResolved && !resolved {
		facts = append(facts, &events.CaseResolved{CaseStep: step, Note: events.Private(h.Note)})
	}
	if len(facts) > 0 && c.Facts >= maxHistory {
		return nil, refuse(Taken, "", "the case's history is full: it has %d entries", maxHistory)
	}
	return facts, nil
}

func (h Handling) check(c *Case) error {
	switch {
	case !c.Opened():
		return NoSuchCase()
	case h.Status != "" && h.Status != CaseOpen && h.Status != CaseResolved:
		return refuse(Invalid, "status", "must be \"open\" or \"resolved\"")
	case h.Note != "" && h.Status == "":
		return refuse(Invalid, "note", "goes with a status")
	case h.Assignee != nil && !h.Agent:
		return refuse(Forbidden, "assignee", "only an agent of the merchant assigns cases")
	case h.Assignee != nil && *h.Assignee != uuid.Nil && !h.Employed:
		return refuse(Invalid, "assignee", "is no agent of this merchant")
	}
	return checkText("note", h.Note, 0, maxNote)
}

// AdmitComplaint refuses to open a case to who is not in the conversation, and
// in a conversation with no merchant.
func AdmitComplaint(c *Conversation, by uuid.UUID) error {
	if err := c.Admit(by); err != nil {
		return err
	}
	if c.Kind != events.Business {
		return refuse(Taken, "", "cases are opened in conversations with a merchant")
	}
	return nil
}

// AnswerCase refuses a handling, and an answer along with it: only agents
// answer. An empty answer is none.
func AnswerCase(c *Case, h Handling, answer string) error {
	if answer != "" && !h.Agent {
		return refuse(Forbidden, "answer", "only an agent of the merchant answers cases; the customer writes in the conversation")
	}
	if err := checkText("answer", answer, 0, MaxText); err != nil {
		return err
	}
	_, err := HandleCase(c, h)
	return err
}
