package handlers_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/handlers/handlertest"
)

// ofBusiness are the parts of a route's row that lead to what is one
// merchant's.
var ofBusiness = regexp.MustCompile(`\{(merchant|order|bought|business|case)\}`)

// TestAppsOfOthersSeeNothingOfAMerchant tries every route that leads to a
// merchant's customers, orders and cases with the token of an app that another
// merchant's agent owns, and with its token for that merchant's page, which is
// for the Messenger API alone.
func TestAppsOfOthersSeeNothingOfAMerchant(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	app := bringApp(h, rival)
	var page struct {
		Token string `json:"pageAccessToken"`
	}
	rival.Do("PUT", "/v1/merchants/"+b.other.String()+"/apps/"+app.App.ID.String(), nil).Want(200).Into(&page)
	if page.Token == "" {
		t.Fatal("the app has no token for the page")
	}
	names := strings.NewReplacer("{n}", "1", "{merchant}", b.merchant.String(), "{order}", b.order.String(), "{bought}", b.order.String(),
		"{business}", b.conversation.String(), "{case}", b.kase.String(), "{app}", app.App.ID.String(),
		"{participant}", owner.User.ID.String(), "{newcomer}", customer.User.ID.String())
	h.CatchUp()
	before := h.Node.Tip()
	type caller struct {
		name, token string
		statuses    []int
	}
	for _, caller := range []caller{
		{"the app", app.Token, []int{http.StatusForbidden, http.StatusNotFound}},
		{"the app as the page", page.Token, []int{http.StatusUnauthorized}},
	} {
		tried := 0
		for _, route := range slices.Sorted(maps.Keys(routeTable)) {
			row := routeTable[route]
			if method, pattern, _ := strings.Cut(route, " "); ofBusiness.MatchString(row.path) && pattern != "/v1/merchants/{id}" {
				tried++
				answer := h.With(caller.token).Do(method, names.Replace(row.path), bodyOf(names.Replace(row.body)))
				if !slices.Contains(caller.statuses, answer.Status) {
					t.Errorf("%s by %s: status %d: %.300s", route, caller.name, answer.Status, answer.Body)
				}
			}
		}
		if tried < 20 {
			t.Errorf("only %d routes were tried", tried)
		}
	}
	if after := h.Node.Tip(); after != before {
		t.Errorf("something was written: the log went from %d to %d", before, after)
	}
}

// TestWhatTheRulesRefuseIsNotWritten: each refusal names the rule, and the log
// stays where it is.
func TestWhatTheRulesRefuseIsNotWritten(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	order, kase := "/v1/orders/"+b.order.String(), "/v1/cases/"+b.kase.String()
	orders := "/v1/merchants/" + b.merchant.String() + "/orders"
	place := func(what string) string {
		return fmt.Sprintf(`{"customerId":%q,%s,"total":100}`, customer.User.ID, what)
	}
	before := h.Node.Tip()
	for _, try := range []struct {
		by                 *handlertest.Client
		method, path, body string
		status             int
		names              string
	}{
		{owner, "POST", orders, place(`"currency":"XXX"`), 422, "no currency of ISO 4217"},
		{owner, "POST", orders, place(`"currency":"EUR","shipping":-1`), 422, "body.shipping"},
		{owner, "POST", orders, place(`"currency":"EUR","lines":[{"title":"T","quantity":-1,"unitPrice":100}]`), 422, "body.lines[0].quantity"},
		{owner, "POST", orders, place(`"currency":"EUR","lines":[{"title":"T","quantity":1,"unitPrice":1.5}]`), 422, "body.lines[0].unitPrice"},
		{owner, "POST", orders, place(`"currency":"EUR","paid":101`), 422, "between 0 and the total of 1.00 EUR"},
		{owner, "POST", orders, place(`"currency":"EUR","number":"7"`), 409, "body.number"},
		{owner, "POST", order + "/updates", `{"type":"delivered"}`, 409, "after it was confirmed"},
		{owner, "POST", order + "/updates", `{"type":"refunded","amount":-5}`, 422, "body.amount"},
		{owner, "POST", order + "/updates", `{"type":"refunded","amount":5615}`, 409, "only 56.14 EUR is left"},
		{owner, "POST", order + "/updates", `{"type":"paid","amount":1}`, 409, "only 0.00 EUR is still to be paid"},
		{owner, "POST", order + "/updates", `{"type":"requestAccepted"}`, 409, ""},
		{owner, "POST", order + "/requests", `{"type":"cancel"}`, 403, "only the customer"},
		{customer, "POST", order + "/requests", `{"type":"return"}`, 409, ""},
		{customer, "POST", order + "/updates", `{"type":"confirmed"}`, 403, ""},
		{rival, "POST", order + "/updates", `{"type":"confirmed"}`, 404, "no such order"},
		{rival, "POST", order + "/requests", `{"type":"cancel"}`, 404, "no such order"},
		{rival, "POST", "/v1/conversations/" + b.conversation.String() + "/cases", `{"subject":"mine"}`, 404, ""},
		{rival, "PATCH", kase, `{"answer":"no"}`, 404, "no such case"},
		{customer, "PATCH", kase, `{"answer":"no"}`, 403, "only an agent"},
	} {
		try.by.Do(try.method, try.path, try.body).Refused(try.status, try.names)
	}
	if after := h.Node.Tip(); after != before {
		t.Errorf("something was written: the log went from %d to %d", before, after)
	}
}
