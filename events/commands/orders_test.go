package commands_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// shop is a merchant with an owner and a customer who has opted in.
type shop struct {
	world
	merchant, owner, customer uuid.UUID
	conversation              uuid.UUID
}

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{world: newWorld(t)}
	s.owner, s.customer = s.register("owner"), s.register("customer")
	s.merchant = s.open("Tea & Co.", s.owner)
	s.link(s.customer)
	s.conversation = events.BusinessID(s.merchant, s.customer)
	return s
}

func (w world) open(name string, owners ...uuid.UUID) uuid.UUID {
	w.t.Helper()
	written, err := w.RegisterMerchant(w.t.Context(), events.Cause{Actor: "operator"}, decide.MerchantRegistration{Name: name, Owners: owners})
	if err != nil {
		w.t.Fatal(err)
	}
	return written[0].Fact.(*events.MerchantRegistered).Merchant
}

func (s shop) link(customer uuid.UUID) {
	s.t.Helper()
	consent := decide.Consent{Customer: customer, Text: "yes", Source: decide.FromCheckout}
	if _, err := s.LinkCustomer(s.t.Context(), as(customer), s.merchant, consent); err != nil {
		s.t.Fatal(err)
	}
}

func as(user uuid.UUID) events.Cause { return events.Cause{Actor: user.String()} }

func (s shop) placement(number string) decide.Placement {
	price := events.Money(1250)
	return decide.Placement{
		Merchant: s.merchant, Customer: s.customer, By: s.owner, Number: number, Currency: "EUR",
		Lines: []decide.Line{{Title: "Green tea", Quantity: 2, UnitPrice: &price}}, Total: 2500,
	}
}

func (s shop) place(number string) uuid.UUID {
	s.t.Helper()
	told, err := s.PlaceOrder(s.t.Context(), as(s.owner), s.placement(number))
	if err != nil {
		s.t.Fatal(err)
	}
	return told.Events[0].Fact.(*events.OrderPlaced).Order
}

// thread is what a conversation tells of orders, and of nothing else.
func (s shop) thread() []*events.MessagePosted {
	s.t.Helper()
	var told []*events.MessagePosted
	for event, err := range s.journal.History(s.t.Context(), events.MessagesStream(s.conversation), 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		if err := s.journal.Open(s.t.Context(), event); err != nil {
			s.t.Fatal(err)
		}
		if posted := event.Fact.(*events.MessagePosted); posted.Order != nil {
			told = append(told, posted)
		}
	}
	return told
}

func TestAnOrderIsToldInItsConversation(t *testing.T) {
	s := newShop(t)
	told, err := s.PlaceOrder(t.Context(), as(s.owner), s.placement("7"))
	if err != nil || len(told.Events) != 1 || len(told.Messages) != 1 {
		t.Fatalf("placed %+v, %v", told, err)
	}
	order, message := told.Events[0], told.Messages[0]
	posted := message.Fact.(*events.MessagePosted)
	if posted.Order == nil || posted.Order.Order != events.OrderID(s.merchant, "7") || posted.Order.Entry != 0 ||
		posted.Author != s.merchant || posted.Merchant != s.merchant || posted.Text.Plain != "Order 7: 2 × Green tea, 25.00 EUR." {
		t.Errorf("the conversation is told %+v", posted)
	}
	if message.Meta.Causation != order.ID.String() || message.Meta.Correlation != order.Meta.Correlation || told.Position() != message.Position {
		t.Errorf("the message is caused by %+v, at %d", message.Meta, told.Position())
	}
	asked, err := s.RequestOfOrder(t.Context(), as(s.customer), posted.Order.Order, decide.Wish{Kind: decide.WantsCancel, By: s.customer})
	if err != nil {
		t.Fatal(err)
	}
	if said := asked.Messages[0].Fact.(*events.MessagePosted); said.Author != s.customer || said.Merchant != uuid.Nil {
		t.Errorf("what the customer asks is said by %s for %s", said.Author, said.Merchant)
	}
}

func TestARepeatedUpdateIsToldOnce(t *testing.T) {
	s := newShop(t)
	order := s.place("7")
	cause := as(s.owner)
	cause.IdempotencyKey = "confirm"
	first, err := s.UpdateOrder(t.Context(), cause, order, decide.Update{Type: decide.UpdateConfirmed, By: s.owner})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.UpdateOrder(t.Context(), cause, order, decide.Update{Type: decide.UpdateConfirmed, By: s.owner})
	if err != nil || again.Position() != first.Position() || again.Events[0].ID != first.Events[0].ID {
		t.Errorf("the repeat wrote at %d, %v; the first at %d", again.Position(), err, first.Position())
	}
	for range 2 {
		if err := s.TellOrder(t.Context(), order, 1); err != nil {
			t.Fatal(err)
		}
	}
	if told := s.thread(); len(told) != 2 {
		t.Errorf("the conversation was told %d times, want 2", len(told))
	}
}

// TestWhatWasNotToldIsToldLater lets the log fail between the order and its
// conversation.
func TestWhatWasNotToldIsToldLater(t *testing.T) {
	s := newShop(t)
	order := s.place("7")
	broken := &breaking{Log: s.journal.Log}
	journal := *s.journal
	journal.Log = broken
	write := commands.New(&journal)
	broken.left.Store(1)
	told, err := write.UpdateOrder(t.Context(), as(s.owner), order, decide.Update{Type: decide.UpdateConfirmed, By: s.owner})
	if err != nil || len(told.Events) != 1 || len(told.Messages) != 0 {
		t.Fatalf("the update gave %+v, %v", told, err)
	}
	if told := s.thread(); len(told) != 1 {
		t.Fatalf("the conversation was told %d times before the log came back", len(told))
	}
	if err := s.TellOrder(t.Context(), order, 1); err != nil {
		t.Fatal(err)
	}
	if told := s.thread(); len(told) != 2 || told[1].Text.Plain != "Order 7 is confirmed." {
		t.Errorf("the conversation was told %d times", len(told))
	}
}

// breaking is a log that takes so many more appends.
type breaking struct {
	events.Log
	left atomic.Int64
}

func (b *breaking) Append(ctx context.Context, stream string, expected events.Expected, proposed ...events.Proposed) (events.Appended, error) {
	if b.left.Add(-1) < 0 {
		return events.Appended{}, events.Unavailable(errors.New("the disk is full"))
	}
	return b.Log.Append(ctx, stream, expected, proposed...)
}

func TestOrdersAreNobodyElses(t *testing.T) {
	s := newShop(t)
	order := s.place("7")
	rival := s.register("rival")
	s.open("Coffee", rival)
	update := func(by uuid.UUID) error {
		_, err := s.UpdateOrder(t.Context(), as(by), order, decide.Update{Type: decide.UpdateConfirmed, By: by})
		return err
	}
	if err := update(rival); !refusedAs(err, decide.Unknown) {
		t.Errorf("another merchant's agent updates: %v", err)
	}
	if err := update(s.customer); !refusedAs(err, decide.Forbidden) {
		t.Errorf("the customer updates: %v", err)
	}
	if _, err := s.RequestOfOrder(t.Context(), as(rival), order, decide.Wish{Kind: decide.WantsCancel, By: rival}); !refusedAs(err, decide.Unknown) {
		t.Errorf("another merchant's agent asks: %v", err)
	}
	if err := s.AdmitToOrder(t.Context(), order, rival); !refusedAs(err, decide.Unknown) {
		t.Errorf("another merchant's agent is admitted: %v", err)
	}
	if err := s.AdmitToOrder(t.Context(), uuid.New(), s.owner); !refusedAs(err, decide.Unknown) {
		t.Errorf("an order that is not there admits: %v", err)
	}
	p := s.placement("8")
	p.By = rival
	if _, err := s.PlaceOrder(t.Context(), as(rival), p); !refusedAs(err, decide.Unknown) {
		t.Errorf("another merchant's agent places: %v", err)
	}
	p.By, p.Customer = s.owner, rival
	if _, err := s.PlaceOrder(t.Context(), as(s.owner), p); !refusedAs(err, decide.Taken) {
		t.Errorf("an order for who has not opted in: %v", err)
	}
}

func TestWhoHasLeftHearsNothing(t *testing.T) {
	s := newShop(t)
	order := s.place("7")
	if _, err := s.UnlinkCustomer(t.Context(), as(s.customer), s.merchant, s.customer); err != nil {
		t.Fatal(err)
	}
	told, err := s.UpdateOrder(t.Context(), as(s.owner), order, decide.Update{Type: decide.UpdateConfirmed, By: s.owner})
	if err != nil || len(told.Messages) != 0 || !told.Events[0].Fact.(*events.OrderConfirmed).Untold {
		t.Errorf("the update gave %+v, %v", told, err)
	}
	for _, author := range []uuid.UUID{s.owner, s.customer} {
		_, err := s.Post(t.Context(), as(author), decide.Message{Conversation: s.conversation, Author: author, Text: "hello"})
		if !refusedAs(err, decide.Taken) {
			t.Errorf("%s writes: %v", author, err)
		}
	}
	s.link(s.customer)
	if _, err := s.Post(t.Context(), as(s.owner), decide.Message{Conversation: s.conversation, Author: s.owner, Text: "hello"}); err != nil {
		t.Errorf("after a new opt-in: %v", err)
	}
}

func TestAgentsAreInAllConversationsOfTheirMerchant(t *testing.T) {
	s := newShop(t)
	agent := s.register("agent")
	says := decide.Message{Conversation: s.conversation, Author: agent, Text: "may I help you?"}
	if _, err := s.Post(t.Context(), as(agent), says); !refusedAs(err, decide.Unknown) {
		t.Errorf("before they are one: %v", err)
	}
	if _, err := s.AddAgent(t.Context(), as(s.owner), s.merchant, s.owner, agent, events.PlainAgent); err != nil {
		t.Fatal(err)
	}
	posted, err := s.Post(t.Context(), as(agent), says)
	if err != nil || posted.Fact.(*events.MessagePosted).Merchant != s.merchant {
		t.Fatalf("posted %+v, %v", posted.Fact, err)
	}
	if _, err := s.MarkRead(t.Context(), as(agent), s.conversation, agent, posted.Revision); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := s.RemoveAgent(t.Context(), as(s.owner), s.merchant, s.owner, agent); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post(t.Context(), as(agent), says); !refusedAs(err, decide.Unknown) {
		t.Errorf("after they were removed: %v", err)
	}
	if err := s.Admit(t.Context(), s.conversation, agent); !refusedAs(err, decide.Unknown) {
		t.Errorf("admitted after they were removed: %v", err)
	}
}

func TestOneBusinessConversationWhoeverStartsIt(t *testing.T) {
	s := newShop(t)
	visitor := s.register("visitor")
	if _, _, err := s.StartBusiness(t.Context(), as(s.owner), s.merchant, visitor, s.owner); !refusedAs(err, decide.Taken) {
		t.Errorf("an agent starts without an opt-in: %v", err)
	}
	started, existed, err := s.StartBusiness(t.Context(), as(visitor), s.merchant, visitor, visitor)
	if err != nil || existed || started.Fact.(*events.ConversationStarted).Conversation != events.BusinessID(s.merchant, visitor) {
		t.Fatalf("the customer starts: %+v, %v, %v", started.Fact, existed, err)
	}
	again, existed, err := s.StartBusiness(t.Context(), as(s.owner), s.merchant, visitor, s.owner)
	if err != nil || !existed || again.ID != started.ID {
		t.Errorf("the agent starts: %s, %v, %v; want %s", again.ID, existed, err, started.ID)
	}
	if _, _, err := s.StartBusiness(t.Context(), as(visitor), uuid.New(), visitor, visitor); !refusedAs(err, decide.Unknown) {
		t.Errorf("with a merchant that is not there: %v", err)
	}
}

func TestHistoryIsRecordedOnce(t *testing.T) {
	s := newShop(t)
	bought := time.Date(2017, time.July, 9, 21, 57, 5, 0, time.UTC)
	p := s.placement("a4591c26")
	p.By, p.At = uuid.Nil, bought
	history := commands.History{Placement: p, Cause: events.Cause{Actor: "import"}, Updates: []decide.Update{
		{Type: decide.UpdateConfirmed, At: bought.Add(time.Hour)},
		{Type: decide.UpdateShipped, At: bought.Add(-time.Hour)},
		{Type: decide.UpdateDelivered, At: bought.Add(48 * time.Hour)},
		{Type: decide.UpdateCancelled, At: bought.Add(49 * time.Hour)},
	}}
	told, refused, err := s.RecordOrder(t.Context(), history)
	if err != nil || len(told.Events) != 3 || len(told.Messages) != 3 || len(refused) != 2 {
		t.Fatalf("wrote %d events and %d messages, refused %v, %v", len(told.Events), len(told.Messages), refused, err)
	}
	if at := told.Messages[2].Meta.OccurredAt; !at.Equal(bought.Add(48 * time.Hour)) {
		t.Errorf("the delivery is told at %v", at)
	}
	tip, err := events.Tip(t.Context(), s.journal.Log)
	if err != nil {
		t.Fatal(err)
	}
	if told, refused, err := s.RecordOrder(t.Context(), history); err != nil || len(told.Events) > 0 || len(refused) > 0 {
		t.Errorf("the second time: %+v, %v, %v", told, refused, err)
	}
	if again, err := events.Tip(t.Context(), s.journal.Log); err != nil || again != tip {
		t.Errorf("the second time took the log from %d to %d, %v", tip, again, err)
	}
	history.Placement.Number, history.Placement.Total = "b", 1
	if told, refused, err := s.RecordOrder(t.Context(), history); err != nil || len(told.Events) > 0 || len(refused) != 1 {
		t.Errorf("what does not add up: %+v, %v, %v", told, refused, err)
	}
}

func TestOffersAreAccepted(t *testing.T) {
	s := newShop(t)
	told, err := s.OfferOrder(t.Context(), as(s.owner), s.placement(""))
	if err != nil {
		t.Fatal(err)
	}
	offer := told.Events[0].Fact.(*events.OrderOffered)
	if len(offer.Number) != 8 {
		t.Errorf("it is given the number %q", offer.Number)
	}
	buys := decide.Wish{Kind: decide.WantsToBuy, By: s.customer}
	for want := 1; want >= 0; want-- {
		bought, err := s.RequestOfOrder(t.Context(), as(s.customer), offer.Order, buys)
		if err != nil || len(bought.Events) != want {
			t.Errorf("bought %+v, %v", bought.Events, err)
		}
	}
}
