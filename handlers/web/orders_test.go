package web_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"parley/handlers/handlertest"
	"parley/projections"
)

// shop is a merchant with one agent and one customer.
type shop struct {
	*stage
	agent, customer *handlertest.Client
	id, room        uuid.UUID
}

func (s *stage) shop(agent, customer *handlertest.Client, name string) *shop {
	s.Helper()
	var merchant projections.Merchant
	agent.Post("/v1/merchants", map[string]string{"name": name}).Want(http.StatusCreated).Into(&merchant)
	var tie struct {
		ConversationID uuid.UUID `json:"conversationId"`
	}
	customer.Post("/v1/merchants/"+merchant.ID.String()+"/customers", map[string]string{"consent": "They may write to me."}).
		Want(http.StatusCreated).Into(&tie)
	return &shop{s, agent, customer, merchant.ID, tie.ConversationID}
}

// sells places or offers two teapots, each of 19.00 EUR.
func (s *shop) sells(how, number string) projections.OrderView {
	s.Helper()
	var order projections.OrderView
	s.agent.Post("/v1/merchants/"+s.id.String()+"/"+how, map[string]any{
		"customerId": s.customer.User.ID, "number": number, "currency": "EUR", "shipping": 450, "total": 4250,
		"lines": []map[string]any{{"title": "Teapot", "subtitle": "green", "quantity": 2, "unitPrice": 1900}},
	}).Want(http.StatusCreated).Into(&order)
	return order
}

// tells tells what happened to an order some hours ago.
func (s *shop) tells(order projections.OrderView, hours int, update map[string]any) {
	s.Helper()
	update["occurredAt"] = s.Clock.Now().Add(-time.Duration(hours) * time.Hour)
	s.agent.Post("/v1/orders/"+order.ID.String()+"/updates", update).Want(http.StatusCreated)
}

func anOrderIsFollowedFromTheThread(t *testing.T, s *stage, browser context.Context) {
	shop := s.shop(s.Person("jan"), s.Person("kit"), "Tin & Twine")
	order := shop.sells("orders", "T-1")
	s.Clock.Advance(9 * time.Hour)
	shop.tells(order, 9, map[string]any{"type": "confirmed"})
	shop.tells(order, 8, map[string]any{"type": "shipped", "carrier": "Post", "trackingNumber": "PP 42"})
	shop.tells(order, 2, map[string]any{"type": "located", "place": "Hamburg", "latitude": 53.5511, "longitude": 9.9937})
	shop.tells(order, 5, map[string]any{"type": "located", "place": "Leipzig", "latitude": 51.3397, "longitude": 12.3731})

	b := s.signIn(t, browser, narrow, at(shop.room), shop.customer)
	b.sees(".pane-title", "Tin & Twine")
	b.sees(".order-card .receipt", "green · 2 × €19.00")
	b.sees(".order-card .receipt .total", "€42.50")
	b.is("document.querySelector('.order-card .parcel-map svg').getAttribute('aria-label').includes('from Leipzig to Hamburg')")
	b.sees(".order-line .order-news", "was shipped with Post")
	b.clicks(".order-card .button", "Details")
	b.sees(".side .terms", "PP 42")
	b.sees(".side .happening.late", "Leipzig")
	b.sees(".side .happening.late .told-late", "told late")
	b.is("[...document.querySelectorAll('.side .happening-name')].map((e) => e.textContent).join() === 'Placed,Confirmed,Shipped,Parcel located,Parcel located'")
	b.is("document.documentElement.scrollWidth === innerWidth && document.activeElement.textContent === 'Order'")
	shop.tells(order, 0, map[string]any{"type": "delivered"})
	b.clicks(".side .order-buttons .button", "Return")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog textarea"), "The lid is dented."))
	b.clicks("dialog .button", "Ask to return")
	b.sees(".side .order-standing", "Return asked for")
	b.sees(".side .open-wishes", "The lid is dented.")
}

func anOfferIsBoughtAndAnswered(t *testing.T, s *stage, browser context.Context) {
	shop := s.shop(s.Person("lex"), s.Person("moe"), "Kettle & Co")
	shop.sells("offers", "O-7")
	buyer, seller := s.signIn(t, browser, narrow, at(shop.room), shop.customer), s.signIn(t, browser, wide, at(shop.room), shop.agent)
	seller.sees(".pane-note", "Customer of Kettle & Co")
	buyer.clicks(".order-card .button", "Buy for €42.50")
	buyer.clicks("dialog .button", "Buy")
	buyer.sees(".order-card .order-standing", "Placed")
	seller.sees(".order-card .order-standing", "Placed")

	buyer.clicks(".order-card .button", "Change")
	buyer.do(chromedp.SendKeys(chromedp.CSS("dialog .field:nth-of-type(2) input"), "red"))
	buyer.clicks("dialog .button", "Ask to change")
	seller.sees(".order-card .open-wishes", "Teapot: red")
	seller.clicks(".order-card .button", "Accept a change")
	seller.clicks("dialog .button", "Accept")
	buyer.sees(".order-card .receipt", "red · 2 × €19.00")

	seller.clicks(".order-card .button", "Update")
	seller.clicks(".menu-item", "Paid")
	seller.do(chromedp.SetValue(chromedp.CSS("dialog input"), "50"))
	seller.clicks("dialog [type=submit]", "Paid")
	seller.sees("dialog .field-error", "only 42.50 EUR is still to be paid")
	seller.do(chromedp.SetValue(chromedp.CSS("dialog input"), "42,5"))
	seller.clicks("dialog [type=submit]", "Paid")
	buyer.sees(".order-line", "was paid: 42.50 EUR")
}
