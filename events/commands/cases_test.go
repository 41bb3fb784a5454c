package commands_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestACaseFromItsOpeningToItsEnd(t *testing.T) {
	s := newShop(t)
	order, agent := s.place("7"), s.register("agent")
	if _, err := s.AddAgent(t.Context(), as(s.owner), s.merchant, s.owner, agent, events.PlainAgent); err != nil {
		t.Fatal(err)
	}
	message := uint64(0)
	opened, err := s.OpenCase(t.Context(), as(s.customer), s.conversation, decide.Complaint{By: s.customer, Subject: "It leaks", Order: order, Message: &message})
	if err != nil {
		t.Fatal(err)
	}
	fact := opened.Fact.(*events.CaseOpened)
	if fact.Merchant != s.merchant || fact.Customer != s.customer || fact.Order != order {
		t.Errorf("opened %+v", fact)
	}
	handled, err := s.HandleCase(t.Context(), as(s.owner), fact.Case, decide.Handling{By: s.owner, Assignee: &agent, Status: decide.CaseResolved}, "We send you another.")
	if err != nil || len(handled.Events) != 2 || handled.Answer == nil {
		t.Fatalf("handled %+v, %v", handled, err)
	}
	if said := handled.Answer.Fact.(*events.MessagePosted); said.Conversation != s.conversation || said.Merchant != s.merchant {
		t.Errorf("the answer is %+v", said)
	}
	reopened, err := s.HandleCase(t.Context(), as(s.customer), fact.Case, decide.Handling{By: s.customer, Status: decide.CaseOpen}, "")
	if err != nil || len(reopened.Events) != 1 {
		t.Errorf("reopened %+v, %v", reopened, err)
	}
}

func TestCasesAreNobodyElses(t *testing.T) {
	s := newShop(t)
	order, rival := s.place("7"), s.register("rival")
	other := shop{world: s.world, merchant: s.open("Coffee", rival), customer: s.customer}
	other.link(s.customer)
	opens := func(conversation uuid.UUID, p decide.Complaint) error {
		p.Subject = "It leaks"
		_, err := s.OpenCase(t.Context(), as(p.By), conversation, p)
		return err
	}
	if err := opens(s.conversation, decide.Complaint{By: rival}); !refusedAs(err, decide.Unknown) {
		t.Errorf("another merchant's agent opens: %v", err)
	}
	if err := opens(events.BusinessID(other.merchant, s.customer), decide.Complaint{By: s.customer, Order: order}); !refusedAs(err, decide.Invalid) {
		t.Errorf("about an order of another merchant: %v", err)
	}
	number := uint64(99)
	if err := opens(s.conversation, decide.Complaint{By: s.customer, Message: &number}); !refusedAs(err, decide.Invalid) {
		t.Errorf("from a message that is not there: %v", err)
	}
	if err := opens(s.group(s.customer), decide.Complaint{By: s.customer}); !refusedAs(err, decide.Taken) {
		t.Errorf("in a group: %v", err)
	}
	opened, err := s.OpenCase(t.Context(), as(s.customer), s.conversation, decide.Complaint{By: s.customer, Subject: "It leaks"})
	if err != nil {
		t.Fatal(err)
	}
	kase := opened.Fact.(*events.CaseOpened).Case
	resolve := func(by uuid.UUID, answer string) error {
		_, err := s.HandleCase(t.Context(), as(by), kase, decide.Handling{By: by, Status: decide.CaseResolved}, answer)
		return err
	}
	if err := resolve(rival, ""); !refusedAs(err, decide.Unknown) {
		t.Errorf("another merchant's agent resolves: %v", err)
	}
	before := len(s.thread())
	if err := resolve(s.customer, "never mind"); !refusedAs(err, decide.Forbidden) || len(s.thread()) != before {
		t.Errorf("the customer answers: %v", err)
	}
	if _, err := s.HandleCase(t.Context(), as(s.owner), uuid.New(), decide.Handling{By: s.owner}, ""); !refusedAs(err, decide.Unknown) {
		t.Errorf("a case that is not there: %v", err)
	}
}
