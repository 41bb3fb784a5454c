package projections_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func TestMerchantsAreShownWithTheirPeople(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		stream := events.MerchantStream(teaShop)
		w.append(stream, by(ann, 0), &events.MerchantRegistered{Merchant: teaShop, Name: "Tea & Co."},
			&events.AgentAdded{Merchant: teaShop, User: ann, Role: events.OwnerAgent})
		w.append(stream, by(ann, time.Hour), &events.AgentAdded{Merchant: teaShop, User: bob, Role: events.PlainAgent, By: ann})
		w.append(stream, by(ann, 2*time.Hour), &events.AgentAdded{Merchant: teaShop, User: bob, Role: events.OwnerAgent, By: ann})
		w.append(stream, by(ann, 3*time.Hour), &events.AgentAdded{Merchant: teaShop, User: cyd, Role: events.PlainAgent, By: ann},
			&events.AgentRemoved{Merchant: teaShop, User: cyd, By: ann})
		w.append(events.MerchantStream(coffeeShop), by(bob, 0), &events.MerchantRegistered{Merchant: coffeeShop, Name: "Coffee"},
			&events.AgentAdded{Merchant: coffeeShop, User: bob, Role: events.OwnerAgent})
		set, _ := w.settled()

		got, err := set.Merchants.Get(t.Context(), teaShop)
		if want := (projections.Merchant{ID: teaShop, Name: "Tea & Co.", RegisteredAt: morning}); got != want || err != nil {
			t.Errorf("the merchant: %+v, %v", got, err)
		}
		if _, err := set.Merchants.Get(t.Context(), cyd); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("a merchant that is not there: %v", err)
		}
		agents, err := set.Merchants.Agents(t.Context(), teaShop)
		want := []projections.Agent{{UserID: ann, Role: events.OwnerAgent, AddedAt: morning}, {UserID: bob, Role: events.OwnerAgent, AddedAt: morning.Add(time.Hour)}}
		if diff := cmp.Diff(want, agents); diff != "" || err != nil {
			t.Errorf("the agents: %v\n%s", err, diff)
		}
		var names []string
		of, err := set.Merchants.Of(t.Context(), bob)
		for _, merchant := range of {
			names = append(names, merchant.Name)
		}
		if diff := cmp.Diff([]string{"Coffee", "Tea & Co."}, names); diff != "" || err != nil {
			t.Errorf("bob's merchants: %v\n%s", err, diff)
		}
	})
}

func TestCustomersAreShownWithTheirConsent(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		stream := events.MerchantStream(teaShop)
		link := func(customer uuid.UUID, words string, after time.Duration) {
			w.append(stream, by(customer, after), &events.CustomerLinked{Merchant: teaShop, Customer: customer, Source: "checkout", Consent: events.Private(words)})
		}
		link(ann, "yes", 0)
		link(bob, "yes", time.Hour)
		link(bob, "again", 2*time.Hour) // who is linked stays so
		link(cyd, "yes", 3*time.Hour)
		for _, after := range []time.Duration{4 * time.Hour, 5 * time.Hour} {
			w.append(stream, by(cyd, after), &events.CustomerUnlinked{Merchant: teaShop, Customer: cyd})
		}
		w.append(stream, by(ann, 4*time.Hour), &events.CustomerUnlinked{Merchant: teaShop, Customer: ann})
		link(ann, "once more", 6*time.Hour)
		set, _ := w.settled()

		left := morning.Add(4 * time.Hour)
		of := func(customer uuid.UUID, words string, after time.Duration) projections.CustomerLink {
			return projections.CustomerLink{CustomerID: customer, ConversationID: events.BusinessID(teaShop, customer), LinkedAt: morning.Add(after), Source: "checkout", Consent: words}
		}
		gone := of(cyd, "yes", 3*time.Hour)
		gone.LeftAt = &left
		var got []projections.CustomerLink
		before := events.Position(0)
		for range 3 {
			page, err := set.Merchants.Customers(t.Context(), teaShop, before, 2)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Customers...)
			if page.Next == nil {
				break
			}
			before = positionIn(t, *page.Next, "before")
		}
		if diff := cmp.Diff([]projections.CustomerLink{of(ann, "once more", 6*time.Hour), gone, of(bob, "yes", time.Hour)}, got); diff != "" {
			t.Errorf("the customers (-want +got):\n%s", diff)
		}
		one, err := set.Merchants.Customer(t.Context(), teaShop, cyd)
		if diff := cmp.Diff(gone, one); diff != "" || err != nil {
			t.Errorf("one customer: %v\n%s", err, diff)
		}
		if _, err := set.Merchants.Customer(t.Context(), coffeeShop, cyd); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("a customer of nobody: %v", err)
		}
	})
}

func TestAgentsSeeTheirMerchantsConversations(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := service{w}
		s.begin(bob, cyd)
		stream := events.MerchantStream(teaShop)
		w.append(stream, by(ann, 0), &events.MerchantRegistered{Merchant: teaShop, Name: "Tea & Co."},
			&events.AgentAdded{Merchant: teaShop, User: ann, Role: events.OwnerAgent})
		s.say(bob, ann, teaShop, time.Hour)
		s.say(cyd, cyd, uuid.Nil, 2*time.Hour)
		order := uuid.UUID{0: 7}
		of := events.BusinessID(teaShop, bob)
		w.append(events.MessagesStream(of), by(ann, 3*time.Hour), &events.MessagePosted{
			Conversation: of, Author: teaShop, Merchant: teaShop, Text: events.Private("Order 7 is confirmed."), Order: &events.OrderNews{Order: order, Entry: 3},
		})
		set, stop := w.settled()

		sees := func(viewer uuid.UUID, want bool) {
			t.Helper()
			got, err := set.Conversations.IsParticipant(t.Context(), of, viewer)
			if got != want || err != nil {
				t.Errorf("%s sees the conversation: %v, %v", viewer, got, err)
			}
			_, err = set.Conversations.Get(t.Context(), of, viewer)
			if want != (err == nil) {
				t.Errorf("%s gets the conversation: %v", viewer, err)
			}
		}
		sees(bob, true)
		sees(ann, true)
		sees(cyd, false)
		inbox, err := set.Conversations.OfMerchant(t.Context(), teaShop, "", 1)
		if err != nil || len(inbox.Conversations) != 1 || inbox.Conversations[0].ID != of || *inbox.Conversations[0].MerchantID != teaShop || inbox.Next == nil {
			t.Fatalf("the merchant's newest conversation: %+v, %v", inbox, err)
		}
		last := inbox.Conversations[0].LastMessage
		if *last.Order != order || *last.OrderEntry != 3 || *last.Merchant != teaShop || last.Author != teaShop {
			t.Errorf("its last message is %+v", last)
		}
		inbox, err = set.Conversations.OfMerchant(t.Context(), teaShop, *inbox.Next, 1)
		if err != nil || len(inbox.Conversations) != 1 || inbox.Conversations[0].ID != events.BusinessID(teaShop, cyd) || inbox.Next != nil {
			t.Errorf("the other one: %+v, %v", inbox, err)
		}
		if own, err := set.Conversations.Inbox(t.Context(), ann, false, "", 10); err != nil || len(own.Conversations) > 0 {
			t.Errorf("the agent's own inbox has %d conversations, %v", len(own.Conversations), err)
		}

		w.append(stream, by(ann, 4*time.Hour), &events.AgentRemoved{Merchant: teaShop, User: ann, By: ann})
		w.catchUp(set)
		sees(ann, false)
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

func TestMessagesOfOrdersAreNotChanged(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := service{w}
		s.begin(bob)
		of := events.BusinessID(teaShop, bob)
		w.append(events.MessagesStream(of), by(bob, 0), &events.MessagePosted{
			Conversation: of, Author: bob, Text: events.Private("Order 7 is to be cancelled."), Order: &events.OrderNews{Order: uuid.UUID{0: 7}, Entry: 1},
		})
		w.edit(of, bob, 0, "Order 7 is free.", time.Minute)
		w.retract(of, bob, 0, 2*time.Minute)
		w.react(of, bob, 0, "👍", 3*time.Minute)
		set, _ := w.settled()
		page, err := set.Conversations.Page(t.Context(), of, projections.Range{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		m := page.Messages[0]
		if m.Text != "Order 7 is to be cancelled." || m.Retracted || m.EditedAt != nil || len(m.Reactions) != 1 || *m.OrderEntry != 1 || m.Merchant != nil {
			t.Errorf("the message is %+v", m)
		}
	})
}
