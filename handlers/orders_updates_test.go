package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/projections"
)

// updateResults is the answer to many updates.
type updateResults struct {
	Results []struct {
		Number, OrderID string
		Status          int
		Problem         *struct{ Detail string }
	}
}

func (r updateResults) String() string {
	var all []string
	for _, one := range r.Results {
		text := fmt.Sprintf("%s %d", one.Number, one.Status)
		if one.Problem != nil {
			text += " " + one.Problem.Detail
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func TestManyOrdersAreUpdatedAtOnce(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer := h.Person("owner"), h.Person("customer")
	merchant := openMerchant(owner, "Tea & Co.")
	optIn(customer, merchant)
	first, second := placeOrder(owner, merchant, customer, "7"), placeOrder(owner, merchant, customer, "8")
	path := "/v1/merchants/" + merchant.String() + "/updates"
	news := `{"updates":[
		{"number":"7","type":"confirmed"},{"number":"8","type":"shipped"},{"number":"9","type":"confirmed"},
		{"number":"7","type":"shipped","carrier":"CTT","trackingNumber":"T1"},{"number":"8","type":"refunded"},{"number":"7","type":"located","place":"Porto"}]}`
	var got updateResults
	told := owner.Post(path, news, "Idempotency-Key", "monday").Want(200).Into(&got)
	want := "7 201\n" +
		"8 409 body.updates[1].type: an order is shipped after it was confirmed, and this one was not\n" +
		"9 404 there is no such order among yours\n" +
		"7 201\n" +
		"8 422 body.updates[4].amount: must be 1 minor unit or more\n" +
		"7 201"
	if got.String() != want || got.Results[0].OrderID != first.ID.String() {
		t.Errorf("the updates came to\n%v\nwant\n%s", got, want)
	}
	var seen projections.OrderView
	customer.Get("/v1/orders/"+first.ID.String(), "Parley-Position", told.Position()).Want(200).Into(&seen)
	if len(seen.Timeline) != 4 || seen.Status != "shipped" || seen.Location.Place != "Porto" {
		t.Errorf("the order is %s with %d entries", seen.Status, len(seen.Timeline))
	}

	tip := h.Node.Tip()
	var again updateResults
	repeat := owner.Post(path, news, "Idempotency-Key", "monday").Want(200).Into(&again)
	if again.String() != want || h.Node.Tip() != tip || repeat.Position() == "" {
		t.Errorf("sent again, they came to\n%v\nand the log went from %d to %d", again, tip, h.Node.Tip())
	}
	customer.Get("/v1/orders/" + second.ID.String()).Want(200).Into(&seen)
	if len(seen.Timeline) != 1 {
		t.Errorf("what was refused is there: %+v", seen.Timeline)
	}
}

func TestUpdatesThatAreRefusedTogether(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	path, tip := "/v1/merchants/"+b.merchant.String()+"/updates", h.Node.Tip()
	one := `{"number":"7","type":"confirmed"}`
	owner.Post(path, `{"updates":[]}`).Refused(422, "body.updates")
	owner.Post(path, `{"updates":[`+strings.Repeat(one+",", 100)+one+`]}`).Refused(422, "1 to 100 are taken at a time")
	owner.Post(path, `{"updates":[`+one+`,{"type":"confirmed"}]}`).Refused(422, "body.updates[1].number")
	owner.Post(path, `{"updates":[`+one+`,{"number":"7"}]}`).Refused(422, "body.updates[1].type")
	owner.Post(path, `{"updates":[`+one+`,{"number":"7","type":"paid","amount":"much"}]}`).Refused(422, "body.updates[1].amount")
	for _, stranger := range []*handlertest.Client{rival, customer} {
		stranger.Post(path, `{"updates":[`+one+`]}`).Refused(404, "")
	}
	if now := h.Node.Tip(); now != tip {
		t.Errorf("refused, they took the log from %d to %d", tip, now)
	}
	// A number is the merchant's own: the rival's 7 is none of the owner's.
	var got updateResults
	rival.Post("/v1/merchants/"+b.other.String()+"/updates", `{"updates":[`+one+`]}`).Want(200).Into(&got)
	if got.Results[0].Status != 404 || got.Results[0].OrderID != events.OrderID(b.other, "7").String() {
		t.Errorf("the rival's update came to %v", got)
	}
}
