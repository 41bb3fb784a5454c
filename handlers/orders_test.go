package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// business is a merchant with an order and a case of one customer, and another
// merchant whose agent is to see nothing of it.
type business struct {
	merchant, other, conversation, order, bought, kase uuid.UUID
}

func openBusiness(t testing.TB, owner, customer, rival *handlertest.Client) business {
	t.Helper()
	var b business
	b.merchant, b.other = openMerchant(owner, "Tea & Co."), openMerchant(rival, "Coffee")
	optIn(customer, b.merchant)
	optIn(owner, b.other)
	b.conversation = events.BusinessID(b.merchant, customer.User.ID)
	b.order = placeOrder(owner, b.merchant, customer, "7").ID
	// What the owner of the one merchant has bought of the other.
	b.bought = placeOrder(rival, b.other, owner, "8").ID
	var opened projections.Case
	customer.Post("/v1/conversations/"+b.conversation.String()+"/cases", `{"subject":"The pot leaks"}`).Want(201).Into(&opened)
	b.kase = opened.ID
	owner.Get("/v1/merchants/"+b.merchant.String()+"/conversations", "Parley-Position",
		owner.Post("/v1/conversations/"+b.conversation.String()+"/messages", `{"text":"How may I help?"}`).Want(201).Position()).Want(200)
	return b
}

func openMerchant(owner *handlertest.Client, name string) uuid.UUID {
	var merchant projections.Merchant
	owner.Post("/v1/merchants", map[string]string{"name": name}).Want(201).Into(&merchant)
	return merchant.ID
}

func optIn(customer *handlertest.Client, merchant uuid.UUID) {
	customer.Post("/v1/merchants/"+merchant.String()+"/customers", `{"consent":"Send my order to Messenger"}`).Want(201)
}

func placeOrder(agent *handlertest.Client, merchant uuid.UUID, customer *handlertest.Client, number string) projections.OrderView {
	var order projections.OrderView
	placed := agent.Post("/v1/merchants/"+merchant.String()+"/orders", receipt(customer, number)).Want(201).Into(&order)
	agent.Get("/v1/orders/"+order.ID.String(), "Parley-Position", placed.Position()).Want(200)
	return order
}

func receipt(customer *handlertest.Client, number string) string {
	return fmt.Sprintf(`{"customerId":%q,"number":%q,"currency":"EUR",
		"lines":[{"title":"Green tea","quantity":2,"unitPrice":1250},{"title":"Pot","quantity":1,"amount":5000}],
		"subtotal":7500,"shipping":495,"tax":619,"adjustments":[{"name":"welcome","amount":2000},{"name":"coupon","amount":1000}],"total":5614,
		"address":{"name":"C","street1":"Rua 1","city":"Lisboa","country":"PT"},"paymentMethod":"Visa 1234"}`, customer.User.ID, number)
}

func TestAnOrderFromItsReceiptToAPartialRefund(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer := h.Person("owner"), h.Person("customer")
	merchant := openMerchant(owner, "Tea & Co.")
	optIn(customer, merchant)
	order := placeOrder(owner, merchant, customer, "7")
	if order.Status != "placed" || order.Subtotal != 7500 || order.Paid != 5614 || order.Address.City != "Lisboa" || len(order.Timeline) != 1 {
		t.Errorf("placed %+v", order)
	}
	path := "/v1/orders/" + order.ID.String()
	tell := func(body string) *handlertest.Answer {
		t.Helper()
		h.Clock.Advance(time.Hour)
		return owner.Post(path+"/updates", body).Want(201)
	}
	tell(`{"type":"confirmed"}`)
	tell(`{"type":"shipped","carrier":"CTT","trackingNumber":"T1"}`)
	tell(`{"type":"delivered"}`)
	late := h.Clock.Now().Add(-30 * time.Minute).Format(time.RFC3339)
	tell(fmt.Sprintf(`{"type":"located","place":"Coimbra","latitude":40.2033,"longitude":-8.4103,"occurredAt":%q}`, late))
	h.Clock.Advance(time.Hour)
	customer.Post(path+"/requests", `{"type":"return","note":"it leaks"}`).Want(201)
	tell(`{"type":"requestAccepted","reason":"send it back"}`)
	tell(`{"type":"returnReceived"}`)
	last := tell(`{"type":"refunded","amount":5000,"reason":"the pot"}`)

	var got projections.OrderView
	customer.Get(path, "Parley-Position", last.Position()).Want(200).Into(&got)
	var types []string
	for _, entry := range got.Timeline {
		types = append(types, entry.Type)
	}
	if want := "placed confirmed shipped located delivered returnRequested returnAccepted returnReceived refunded"; strings.Join(types, " ") != want {
		t.Errorf("the timeline is %v, want %s", types, want)
	}
	if got.Refunded != 5000 || got.Return != "received" || got.Location.Place != "Coimbra" || got.Status != "delivered" {
		t.Errorf("the order is %+v", got.Order)
	}
	owner.Post(path+"/updates", `{"type":"refunded","amount":615}`).Refused(409, "only 6.14 EUR is left")

	var page projections.Page
	customer.Get("/v1/conversations/"+got.ConversationID.String()+"/messages", "Parley-Position", last.Position()).Want(200).Into(&page)
	if len(page.Messages) != 9 || *page.Messages[0].Order != got.ID || *page.Messages[0].OrderEntry != 8 || page.Messages[0].Text != "Order 7 was refunded: 50.00 EUR." {
		t.Errorf("the thread has %d messages, the last %+v", len(page.Messages), page.Messages[0])
	}
	var c struct {
		User     projections.User
		Spending []projections.Spending
		Orders   projections.OrderPage
	}
	owner.Get("/v1/merchants/"+merchant.String()+"/customers/"+customer.User.ID.String(), "Parley-Position", last.Position()).Want(200).Into(&c)
	if c.User.Handle != "customer" || len(c.Spending) != 1 || c.Spending[0].Spent != 614 || len(c.Orders.Orders) != 1 {
		t.Errorf("the customer's card is %+v", c)
	}
}

func TestAReceiptThatIsWrongWritesNothing(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, stranger := h.Person("owner"), h.Person("customer"), h.Person("stranger")
	merchant := openMerchant(owner, "Tea & Co.")
	optIn(customer, merchant)
	h.CatchUp()
	path, good := "/v1/merchants/"+merchant.String()+"/orders", receipt(customer, "7")
	before := owner.Get("/v1/conversations/" + events.BusinessID(merchant, customer.User.ID).String() + "/messages").Want(200)
	for _, bad := range []struct {
		old, new string
		status   int
		names    string
	}{
		{`"total":5614`, `"total":5615`, 422, "a difference of 0.01 EUR"},
		{`"subtotal":7500`, `"subtotal":7400`, 422, "body.subtotal"},
		{`"EUR"`, `"ECU"`, 422, "body.currency"},
		{`"quantity":2`, `"quantity":-2`, 422, "body.lines[0].quantity"},
		{`"quantity":2`, `"quantity":2.5`, 422, "body.lines[0].quantity"},
		{`"PT"`, `"Portugal"`, 422, "body.address.country"},
		{`"number":"7"`, `"number":"7","colour":"red"`, 422, "body.colour"},
		{customer.User.ID.String(), stranger.User.ID.String(), 409, "body.customerId"},
	} {
		owner.Post(path, strings.Replace(good, bad.old, bad.new, 1)).Refused(bad.status, bad.names)
	}
	stranger.Post(path, good).Refused(404, "")
	customer.Post(path, good).Refused(404, "")
	h.CatchUp()
	after := owner.Get("/v1/conversations/" + events.BusinessID(merchant, customer.User.ID).String() + "/messages").Want(200)
	if string(before.Body) != string(after.Body) {
		t.Errorf("the thread has %s", after.Body)
	}
	placed := owner.Post(path, good).Want(201)
	owner.Post(path, good).Refused(409, "body.number")
	for number, found := range map[string]bool{"7": true, "8": false} {
		page := owner.Get(path+"?number="+number, "Parley-Position", placed.Position()).Want(200)
		if strings.Contains(string(page.Body), `"number":"7"`) != found {
			t.Errorf("by number %s: %s", number, page.Body)
		}
	}
}

func TestUpdatesThatAreRefused(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	path := "/v1/orders/" + b.order.String() + "/updates"
	owner.Post(path, `{"type":"shipped"}`).Refused(409, "body.type")
	owner.Post(path, `{"type":"teleported"}`).Refused(422, "body.type")
	owner.Post(path, `{"type":"confirmed","occurredAt":"2031-01-01T00:00:00Z"}`).Refused(422, "body.occurredAt")
	owner.Post(path, `{"type":"confirmed","carrier":"CTT"}`).Refused(422, "body.carrier")
	owner.Post(path, `{}`).Refused(422, "body.type")
	owner.Post(path, `{"type":"confirmed","occurredAt":"yesterday"}`).Refused(422, "body.occurredAt: must be a time in RFC 3339")
	owner.Post(path, `{"type":"paid","amount":1.5}`).Refused(422, "body.amount: must be a whole number")
	customer.Post(path, `{"type":"confirmed"}`).Refused(403, "")
	rival.Post(path, `{"type":"confirmed"}`).Refused(404, "")
	owner.Post("/v1/orders/"+uuid.NewString()+"/updates", `{"type":"confirmed"}`).Refused(404, "")
	owner.Post("/v1/orders/x/updates", `{"type":"confirmed"}`).Refused(422, "path.id")
	owner.Post(path, `{"type":"cancelled"}`).Want(201)
	owner.Post(path, `{"type":"confirmed"}`).Refused(409, "a cancelled order is not confirmed")
	owner.Post("/v1/orders/"+b.order.String()+"/requests", `{"type":"cancel"}`).Refused(403, "")
}

func TestAnotherMerchantsAgentSeesNothing(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	merchant, conversation := "/v1/merchants/"+b.merchant.String(), "/v1/conversations/"+b.conversation.String()
	for _, path := range []string{
		merchant + "/agents", merchant + "/customers", merchant + "/customers/" + customer.User.ID.String(), merchant + "/conversations",
		merchant + "/orders", merchant + "/cases", merchant + "/service", "/v1/orders/" + b.order.String(), "/v1/cases/" + b.kase.String(),
		conversation, conversation + "/messages", conversation + "/messages/0", conversation + "/cases",
	} {
		rival.Get(path).Refused(404, "")
		owner.Get(path).Want(200)
	}
	rival.Post(conversation+"/messages", `{"text":"psst"}`).Refused(404, "")
	rival.Do("PATCH", "/v1/cases/"+b.kase.String(), `{"status":"resolved"}`).Refused(404, "")
}

func TestARemovedAgentIsOutAtOnce(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, agent := h.Person("owner"), h.Person("customer"), h.Person("agent")
	merchant := openMerchant(owner, "Tea & Co.")
	optIn(customer, merchant)
	agents := "/v1/merchants/" + merchant.String() + "/agents"
	conversation := "/v1/conversations/" + events.BusinessID(merchant, customer.User.ID).String()
	agent.Get(conversation).Refused(404, "")
	added := owner.Post(agents, fmt.Sprintf(`{"userId":%q}`, agent.User.ID)).Want(204)
	agent.Get(conversation, "Parley-Position", added.Position()).Want(200)
	said := agent.Post(conversation+"/messages", `{"text":"hello"}`).Want(201)
	agent.Get(conversation+"/messages", "Parley-Position", said.Position()).Want(200)
	agent.Post(agents, fmt.Sprintf(`{"userId":%q}`, customer.User.ID)).Refused(403, "")
	removed := owner.Do("DELETE", agents+"/"+agent.User.ID.String(), nil).Want(204)
	agent.Get(conversation, "Parley-Position", removed.Position()).Refused(404, "")
	agent.Get(conversation+"/messages", "Parley-Position", removed.Position()).Refused(404, "")
	agent.Post(conversation+"/messages", `{"text":"hello?"}`).Refused(404, "")
	owner.Do("DELETE", agents+"/"+owner.User.ID.String(), nil).Refused(409, "")
	h.Scoped(handlers.Operator).Do("DELETE", agents+"/"+owner.User.ID.String(), nil).Want(204)
}

func TestCustomersOptInForThemselves(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer := h.Person("owner"), h.Person("customer")
	merchant := openMerchant(owner, "Tea & Co.")
	path := "/v1/merchants/" + merchant.String() + "/customers"
	owner.Post(path, fmt.Sprintf(`{"userId":%q,"consent":"surely"}`, customer.User.ID)).Refused(403, "only the customer")
	customer.Post(path, `{"consent":""}`).Refused(422, "body.consent")
	customer.Post("/v1/merchants/"+uuid.NewString()+"/customers", `{"consent":"yes"}`).Refused(404, "")
	start := fmt.Sprintf(`{"kind":"business","merchant":%q,"participants":[%q]}`, merchant, customer.User.ID)
	owner.Post("/v1/conversations", start).Refused(409, "body.participants")
	first := customer.Post(path, `{"consent":"yes"}`, "Idempotency-Key", "k").Want(201)
	again := customer.Post(path, `{"consent":"yes"}`, "Idempotency-Key", "k").Want(201)
	if string(first.Body) != string(again.Body) || first.Position() != again.Position() {
		t.Errorf("the repeat was answered %s at %s, the first %s at %s", again.Body, again.Position(), first.Body, first.Position())
	}
	customer.Post(path, `{"consent":"yes"}`).Want(200)
	var conversation projections.Conversation
	customer.Post("/v1/conversations", fmt.Sprintf(`{"kind":"business","merchant":%q}`, merchant)).Want(200)
	owner.Post("/v1/conversations", start).Want(200).Into(&conversation)
	if conversation.ID != events.BusinessID(merchant, customer.User.ID) || *conversation.MerchantID != merchant || conversation.Kind != events.Business {
		t.Errorf("the conversation is %+v", conversation)
	}
	customer.Do("DELETE", path+"/"+customer.User.ID.String(), nil).Want(204)
	owner.Post("/v1/conversations/"+conversation.ID.String()+"/messages", `{"text":"come back"}`).Refused(409, "")
	owner.Post("/v1/conversations", `{"kind":"business","participants":[]}`).Refused(422, "body.merchant")
	owner.Post("/v1/conversations", fmt.Sprintf(`{"kind":"group","merchant":%q,"participants":[]}`, merchant)).Refused(422, "body.merchant")
}

func TestACaseIsServed(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	path := "/v1/cases/" + b.kase.String()
	h.Clock.Advance(time.Hour)
	owner.Do("PATCH", path, fmt.Sprintf(`{"assignee":%q}`, customer.User.ID)).Refused(422, "body.assignee")
	owner.Do("PATCH", path, `{"status":"lost"}`).Refused(422, "body.status")
	customer.Do("PATCH", path, `{"answer":"me too"}`).Refused(403, "body.answer")
	customer.Post("/v1/conversations/"+b.conversation.String()+"/cases", `{"subject":""}`).Refused(422, "body.subject")
	var served projections.CaseView
	resolved := owner.Do("PATCH", path, fmt.Sprintf(`{"assignee":%q,"answer":"A new pot is on its way.","status":"resolved","note":"sent"}`, owner.User.ID)).Want(200).Into(&served)
	if served.Status != "resolved" || served.Assignee == nil || len(served.History) != 3 {
		t.Errorf("the case is %+v", served)
	}
	customer.Do("PATCH", path, `{"status":"open","note":"it leaks as well"}`).Want(200).Into(&served)
	if served.Status != "open" || served.Answered || served.Reopened != 1 {
		t.Errorf("the reopened case is %+v", served)
	}
	var service projections.Service
	owner.Get("/v1/merchants/"+b.merchant.String()+"/service", "Parley-Position", resolved.Position()).Want(200).Into(&service)
	if service.Opened != 1 || service.FirstAnswer.Count != 1 {
		t.Errorf("the service is %+v", service)
	}
	owner.Get("/v1/merchants/"+b.merchant.String()+"/service?from=yesterday").Refused(422, "query.from")
	owner.Get("/v1/merchants/"+b.merchant.String()+"/cases?cursor=x").Refused(422, "query.cursor")
}
