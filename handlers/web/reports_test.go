package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/handlers"
	"parley/projections"
)

func anOperatorResolvesReports(t *testing.T, s *stage, browser context.Context) {
	rosa, sam, operator := s.Person("rosa"), s.Person("sam"), s.Scoped(handlers.Operator)
	path := "/v1/conversations/" + rosa.Start("direct", sam).String() + "/messages"
	for _, text := range []string{"Cheap watches!", "Very cheap."} {
		rosa.Post(path, map[string]any{"text": text}).Want(201)
	}
	b := s.signIn(t, browser, narrow, "/reports", operator)
	b.sees(".controls .hint", "No report waits.")
	sam.Post(path+"/0/report", `{"reason":"Spam, I think"}`).Want(201)
	rosa.Do("DELETE", path+"/0", nil).Want(204)
	sam.Post(path+"/1/report", `{"reason":"More spam"}`).Want(201)
	b.do(chromedp.Reload())
	b.sees(".reported", "Spam, I think")
	b.sees(".reported-message .text", "Cheap watches!")
	b.sees(".reported-message .hint", "has retracted it")
	b.is("document.documentElement.scrollWidth === innerWidth")
	b.click(".reported-tools .button")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog textarea"), "It is."))
	b.clicks("dialog [type=submit]", "Uphold")
	b.sees(".controls .hint", "1 report")
	b.is("document.activeElement.getAttribute('aria-label') === 'Uphold: More spam'")
	b.clicks(".segments label", "Resolved")
	b.sees(".reported-end", "Upheld by somebody")
	b.sees(".reported-note", "It is.")

	var page projections.ReportPage
	operator.Get("/v1/reports?open=false").Want(200).Into(&page)
	if len(page.Reports) != 1 || *page.Reports[0].Outcome != "upheld" || page.Reports[0].Note != "It is." {
		t.Fatalf("the server has %+v, want one report that was upheld", page.Reports)
	}
	s.signIn(t, browser, wide, "/reports", sam).sees(".nothing-open", "needs a token with the scope operator")
}
