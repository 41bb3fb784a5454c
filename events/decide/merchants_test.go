package decide_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

var shop = uuid.MustParse("00000000-0000-7000-8000-0000000000bb")

// shopOf folds what happened to a merchant that ada registered.
func shopOf(past ...events.Fact) *decide.Merchant {
	m := decide.NewMerchant()
	begin := []events.Fact{
		&events.MerchantRegistered{Merchant: shop, Name: "Tea & Co."},
		&events.AgentAdded{Merchant: shop, User: ada, Role: events.OwnerAgent},
	}
	for _, fact := range append(begin, past...) {
		m = decide.EvolveMerchant(m, fact)
	}
	return m
}

func agent(user uuid.UUID) *events.AgentAdded {
	return &events.AgentAdded{Merchant: shop, User: user, Role: events.PlainAgent, By: ada}
}

func TestRegisterMerchant(t *testing.T) {
	r := decide.MerchantRegistration{Merchant: shop, Name: "Tea & Co.", Owners: []uuid.UUID{ada, bob, ada}}
	t.Run("a business opens with its owners", func(t *testing.T) {
		got, err := decide.RegisterMerchant(decide.NewMerchant(), r)
		when(t, got, err).then(&events.MerchantRegistered{Merchant: shop, Name: "Tea & Co."},
			&events.AgentAdded{Merchant: shop, User: ada, Role: events.OwnerAgent},
			&events.AgentAdded{Merchant: shop, User: bob, Role: events.OwnerAgent})
	})
	t.Run("but not twice", func(t *testing.T) {
		got, err := decide.RegisterMerchant(shopOf(), r)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	for name, bad := range map[string]string{"without a name": "", "with a blank one": " \u00a0", "with one too long": strings.Repeat("é", 101), "on two lines": "a\nb"} {
		t.Run("nor "+name, func(t *testing.T) {
			got, err := decide.RegisterMerchant(decide.NewMerchant(), decide.MerchantRegistration{Merchant: shop, Name: bad})
			when(t, got, err).thenRefused(decide.Invalid, "name")
		})
	}
}

func TestAgentsComeAndGo(t *testing.T) {
	t.Run("an owner lets an agent in", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(), ada, bob, events.PlainAgent)
		when(t, got, err).then(agent(bob))
	})
	t.Run("so does an operator", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(), uuid.Nil, bob, events.OwnerAgent)
		when(t, got, err).then(&events.AgentAdded{Merchant: shop, User: bob, Role: events.OwnerAgent})
	})
	t.Run("but not of a merchant that is not there", func(t *testing.T) {
		got, err := decide.AddAgent(decide.NewMerchant(), uuid.Nil, bob, events.OwnerAgent)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("who is one is one", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(agent(bob)), ada, bob, events.PlainAgent)
		when(t, got, err).then()
	})
	t.Run("agents let nobody in", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(agent(bob)), bob, cleo, events.PlainAgent)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("strangers learn nothing", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(), cleo, cleo, events.OwnerAgent)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("roles are two", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(), ada, bob, "boss")
		when(t, got, err).thenRefused(decide.Invalid, "role")
	})
	t.Run("the last owner stays one", func(t *testing.T) {
		got, err := decide.AddAgent(shopOf(), ada, ada, events.PlainAgent)
		when(t, got, err).thenRefused(decide.Taken, "role")
	})
	t.Run("and does not go", func(t *testing.T) {
		got, err := decide.RemoveAgent(shopOf(agent(bob)), ada, ada)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("an agent goes by themselves", func(t *testing.T) {
		got, err := decide.RemoveAgent(shopOf(agent(bob)), bob, bob)
		when(t, got, err).then(&events.AgentRemoved{Merchant: shop, User: bob, By: bob})
	})
	t.Run("and is removed by an owner", func(t *testing.T) {
		got, err := decide.RemoveAgent(shopOf(agent(bob)), ada, bob)
		when(t, got, err).then(&events.AgentRemoved{Merchant: shop, User: bob, By: ada})
	})
	t.Run("not by another agent", func(t *testing.T) {
		got, err := decide.RemoveAgent(shopOf(agent(bob), agent(cleo)), cleo, bob)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("who is gone is gone", func(t *testing.T) {
		m := shopOf(agent(bob), &events.AgentRemoved{Merchant: shop, User: bob, By: ada})
		got, err := decide.RemoveAgent(m, ada, bob)
		when(t, got, err).then()
		if err := m.Admit(bob); err == nil {
			t.Error("a removed agent still acts for the merchant")
		}
	})
}

func TestCustomersOptIn(t *testing.T) {
	agrees := decide.Consent{Customer: cleo, Text: "Send my order to Messenger", Source: decide.FromCheckout}
	linked := &events.CustomerLinked{Merchant: shop, Customer: cleo, Source: "checkout", Consent: events.Private("Send my order to Messenger")}
	t.Run("a customer agrees", func(t *testing.T) {
		got, err := decide.LinkCustomer(shopOf(), agrees)
		when(t, got, err).then(linked)
	})
	t.Run("once", func(t *testing.T) {
		got, err := decide.LinkCustomer(shopOf(linked), agrees)
		when(t, got, err).then()
	})
	t.Run("to something", func(t *testing.T) {
		got, err := decide.LinkCustomer(shopOf(), decide.Consent{Customer: cleo, Source: decide.FromCheckout})
		when(t, got, err).thenRefused(decide.Invalid, "consent")
	})
	t.Run("of a merchant that is there", func(t *testing.T) {
		got, err := decide.LinkCustomer(decide.NewMerchant(), agrees)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("and leaves", func(t *testing.T) {
		got, err := decide.UnlinkCustomer(shopOf(linked), cleo)
		when(t, got, err).then(&events.CustomerUnlinked{Merchant: shop, Customer: cleo})
	})
	t.Run("once", func(t *testing.T) {
		got, err := decide.UnlinkCustomer(shopOf(), cleo)
		when(t, got, err).then()
	})
}

func TestServingNeedsAnOptIn(t *testing.T) {
	linked := &events.CustomerLinked{Merchant: shop, Customer: cleo}
	for _, c := range []struct {
		name string
		m    *decide.Merchant
		by   uuid.UUID
		kind decide.Kind
	}{
		{"an agent serves who opted in", shopOf(linked), ada, 0},
		{"so does the merchant itself", shopOf(linked), uuid.Nil, 0},
		{"a stranger does not", shopOf(linked), bob, decide.Unknown},
		{"nobody serves who did not", shopOf(), ada, decide.Taken},
		{"nor who has left", shopOf(linked, &events.CustomerUnlinked{Merchant: shop, Customer: cleo}), uuid.Nil, decide.Taken},
		{"nor for a merchant that is not there", decide.NewMerchant(), uuid.Nil, decide.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.m.Serve(c.by, cleo, "customerId")
			if c.kind == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			field := map[decide.Kind]string{decide.Taken: "customerId"}[c.kind]
			when(t, nil, err).thenRefused(c.kind, field)
		})
	}
}
