package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func aCaseIsServed(t *testing.T, s *stage, browser context.Context) {
	shop := s.shop(s.Person("nia"), s.Person("oli"), "Jar & Lid")
	shop.sells("orders", "J-3")
	buyer := s.signIn(t, browser, narrow, at(shop.room), shop.customer)
	buyer.sees(".order-card .receipt", "€42.50")
	buyer.is("document.querySelector('.order-card').closest('.message').querySelector('[aria-label^=More]').click() === undefined")
	buyer.clicks(".menu-item", "Open a case")
	buyer.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "The lid does not close"))
	buyer.clicks("dialog .button", "Open")
	buyer.is("!document.querySelector('dialog')")
	buyer.click("[aria-label=Shop]")
	buyer.sees(".side .case", "The lid does not close")
	buyer.sees(".side .order-row", "J-3€42.50")
	buyer.is("document.documentElement.scrollWidth === innerWidth")

	agent := s.signIn(t, browser, wide, "/#desk", shop.agent)
	agent.sees(".lists [aria-pressed=true]", "Jar & Lid")
	agent.sees(".desk-figures", "1 unanswered of 1 open")
	agent.clicks(".desk .inbox-row.unread a", "The lid does not close")
	agent.sees(".side .customer-card", "The oli@oli")
	agent.sees(".customer-figures", "Spent€42.50Orders1Open1")
	agent.say("Which colour is it?")
	agent.sees(".desk .case-standing", "Answered")
	buyer.sees(".side .case-standing", "Answered")
	agent.clicks(".side .case .button", "Assign")
	agent.clicks(".menu-item", "You")
	agent.sees(".side .case", "for you")
	agent.clicks(".side .case .button", "Resolve")
	agent.do(chromedp.SendKeys(chromedp.CSS("dialog textarea"), "A new lid is on its way."))
	agent.clicks("dialog [type=submit]", "Resolve")
	agent.sees(".side .case-standing", "Resolved")
	agent.sees(".desk .inbox-notice", "No case waits.")
	buyer.sees(".message .text", "A new lid is on its way.")
	buyer.sees(".byline .standing", "Jar & Lid")
	buyer.clicks(".side .case .button", "Reopen")
	buyer.clicks("dialog [type=submit]", "Reopen")
	agent.sees(".desk .case-standing", "Unanswered")

	agent.clicks(".side .button", "Offer or sell something")
	agent.do(chromedp.SendKeys(chromedp.CSS(".sale-line .field:nth-child(1) input"), "Another lid"))
	agent.do(chromedp.SendKeys(chromedp.CSS(".sale-line .field:nth-child(3) input"), "12.5"))
	agent.sees(".sale-total", "Total €12.50")
	agent.clicks("dialog [type=submit]", "Send")
	agent.is("!document.querySelector('dialog')")
	buyer.sees(".order-buttons .button", "👍 Buy for €12.50")

	var cases projections.CasePage
	shop.agent.Get("/v1/merchants/" + shop.id.String() + "/cases").Want(200).Into(&cases)
	if len(cases.Cases) != 1 || cases.Cases[0].Reopened != 1 || cases.Cases[0].Message == nil || cases.Cases[0].OrderID == nil {
		t.Fatalf("the server has %+v, want the one case, opened from the order's message and reopened once", cases.Cases)
	}
}

func aThreadIsHandedOver(t *testing.T, s *stage, browser context.Context) {
	shop := s.shop(s.Person("tess"), s.Person("una"), "Rope & Tar")
	shop.sells("orders", "R-1")
	var bots []uuid.UUID
	for _, name := range []string{"Parrot", "Lookout"} {
		var made struct{ App struct{ ID uuid.UUID } }
		shop.agent.Post("/v1/apps", map[string]any{"name": name, "description": "Answers.", "grants": decide.AllGrants}).Want(201).Into(&made)
		shop.agent.Do("PUT", "/v1/merchants/"+shop.id.String()+"/apps/"+made.App.ID.String(), nil).Want(200)
		bots = append(bots, made.App.ID)
	}
	agent, colleague := s.signIn(t, browser, wide, at(shop.room), shop.agent), s.signIn(t, browser, narrow, at(shop.room), shop.agent)
	agent.sees(".handover-owner", "Parrot answers here")
	colleague.sees(".handover-owner", "Parrot answers here")
	if _, err := s.Commands.RequestThread(t.Context(), events.Cause{}, shop.room, decide.Handing{App: bots[1]}); err != nil {
		t.Fatal(err)
	}
	agent.sees(".handover-request", "Lookout asks to answer")
	agent.clicks(".handover .button", "Take over")
	agent.sees(".handover-owner", "You and your colleagues answer here")
	colleague.sees(".handover-owner", "You and your colleagues answer here")
	colleague.is("!document.querySelector('.handover-request') && document.documentElement.scrollWidth === innerWidth")
	colleague.clicks(".handover .button", "Hand over")
	colleague.clicks(".menu-item", "Lookout")
	agent.sees(".handover-owner", "Lookout answers here")
	if owner, err := s.Commands.ThreadOwner(t.Context(), shop.room); err != nil || owner != bots[1] {
		t.Fatalf("the thread is %s's, %v, want the second app's", owner, err)
	}
}
