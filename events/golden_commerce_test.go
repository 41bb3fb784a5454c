package events_test

import (
	"time"

	"github.com/google/uuid"

	"parley/events"
)

var (
	shop       = uuid.MustParse("00000000-0000-7000-8000-0000000000bb")
	purchase   = uuid.MustParse("00000000-0000-7000-8000-0000000000cc")
	cleo       = uuid.MustParse("00000000-0000-7000-8000-00000000000c")
	expected   = time.Date(2015, time.April, 1, 0, 0, 0, 0, time.UTC)
	step       = events.OrderStep{Order: purchase, Merchant: shop, Customer: cleo, By: ada}
	byCustomer = events.OrderStep{Order: purchase, Merchant: shop, Customer: cleo, By: cleo}
	caseStep   = events.CaseStep{Case: uuid.MustParse("00000000-0000-7000-8000-0000000000dd"), Merchant: shop, Customer: cleo, By: ada}
)

// commerceExamples are those of merchants, orders and cases.
var commerceExamples = []events.Fact{
	&events.MerchantRegistered{Merchant: shop, Name: "Tea & Co."},
	&events.AgentAdded{Merchant: shop, User: bob, Role: events.PlainAgent, By: ada},
	&events.AgentRemoved{Merchant: shop, User: bob, By: ada},
	&events.CustomerLinked{Merchant: shop, Customer: cleo, Source: "checkout", Consent: events.Private("Send my order to Messenger")},
	&events.CustomerUnlinked{Merchant: shop, Customer: cleo},

	&events.OrderOffered{OrderStep: step, Basket: events.Basket{Number: "4712", Currency: "JPY", Subtotal: 1500, Total: 1500}},
	&events.OfferAccepted{OrderStep: byCustomer},
	&events.OrderPlaced{OrderStep: step, Basket: events.Basket{
		Number: "4711", Currency: "EUR",
		Lines:    []events.OrderLine{{Title: "Green tea", Subtitle: "250 g", SKU: "T-1", ImageURL: "https://tea.example/1.png", Quantity: 2, Amount: 2500}, {Title: "Pot", Quantity: 1, Amount: 5000}},
		Subtotal: 7500, Shipping: 495, Tax: 619, Adjustments: []events.Adjustment{{Name: "coupon", Amount: 3000}},
		Total: 5614, Paid: 5614, PaymentMethod: events.Private("Visa 1234"), Address: events.Private(`{"city":"Lisboa"}`), Estimate: expected,
	}},
	&events.OrderPaid{OrderStep: step, Amount: 5614, Method: events.Private("boleto")},
	&events.OrderConfirmed{OrderStep: step},
	&events.OrderInvoiced{OrderStep: step},
	&events.OrderPacked{OrderStep: step},
	&events.OrderShipped{OrderStep: step, Carrier: "Correios", TrackingNumber: events.Private("AA123456785BR")},
	&events.ParcelLocated{OrderStep: step, Place: events.Private("Kassel"), Point: events.Private("51.312700,9.479700")},
	&events.OrderOutForDelivery{OrderStep: step},
	&events.OrderDelivered{OrderStep: events.OrderStep{Order: purchase, Merchant: shop, Customer: cleo, Untold: true}},
	&events.OrderDelayed{OrderStep: step, Estimate: expected, Reason: events.Private("snow")},
	&events.OrderCancelled{OrderStep: step, Cause: events.CancelledForCustomer, Reason: events.Private("as you wish"), Request: &answered},
	&events.OrderRefunded{OrderStep: step, Amount: 614, Reason: events.Private("a dent")},
	&events.CancellationRequested{OrderStep: byCustomer, Note: events.Private("I have two already")},
	&events.ChangeRequested{OrderStep: byCustomer, Note: events.Private("please"), Address: events.Private(`{"city":"Porto"}`), Variant: events.Private("blue"), Line: &answered},
	&events.ReturnRequested{OrderStep: byCustomer, Note: events.Private("it leaks")},
	&events.ChangeAccepted{OrderStep: step, Request: 7, Note: events.Private("done")},
	&events.ReturnAccepted{OrderStep: step, Request: 7, Note: events.Private("send it back")},
	&events.RequestDeclined{OrderStep: step, Request: 7, Note: events.Private("too late")},
	&events.ReturnReceived{OrderStep: step},

	&events.CaseOpened{CaseStep: caseStep, Subject: events.Private("The pot leaks"), Order: purchase, Message: &answered},
	&events.CaseAssigned{CaseStep: caseStep, Agent: bob},
	&events.CaseResolved{CaseStep: caseStep, Note: events.Private("replaced")},
	&events.CaseReopened{CaseStep: caseStep, Note: events.Private("it leaks again")},
}
