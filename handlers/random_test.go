package handlers_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/handlers"
	"parley/handlers/handlertest"
)

// odd are values that something may stumble over, wherever they stand.
var odd = []string{
	"0", "1", "-1", "x", "*", "true", "9007199254740993", "9223372036854775808", "18446744073709551616",
	"00000000-0000-0000-0000-000000000000", "2026-03-02", "9999-12-31T23:59:59Z", "0000", "day", "week", "csv", "message",
	"👍", "\x00", "\xff", "/", "%", `"`, "a*", strings.Repeat("a", 600),
}

// requester draws requests for one house.
type requester struct {
	house  furnished
	doc    *truth
	routes []string
	tokens []func() string
	value  *rapid.Generator[string]
	names  *strings.Replacer
}

func newRequester(t *testing.T) *requester {
	h := furnish(t)
	var known []string
	for name, id := range h.ids {
		if name != "participant" { // who asks, and is to stay
			known = append(known, id)
		}
	}
	slices.Sort(known)
	issued := func(subject string, scopes ...handlers.Scope) func() string {
		return func() string { // anew each time, since requests revoke tokens
			token, err := h.Tokens.Issue(subject, scopes, handlers.DefaultTTL)
			if err != nil {
				t.Fatal(err)
			}
			return token.Token
		}
	}
	owner := issued(h.owner.User.ID.String())
	return &requester{
		house: h, doc: readTruth(t, h.House), routes: slices.Sorted(maps.Keys(routeTable)),
		tokens: []func() string{
			func() string { return "" }, owner, owner, issued("somebody", handlers.Operator, handlers.Analyst, handlers.Auditor),
			func() string { return h.app.Token },
		},
		value: rapid.OneOf(rapid.SampledFrom(known), rapid.SampledFrom(odd), rapid.StringN(1, 20, -1)),
		names: h.names(),
	}
}

var inBraces = regexp.MustCompile(`\{\w+\}`)

// path is the route's path as its row has it, or with other parameters, and a
// query of some of the parameters that are documented.
func (q *requester) path(t *rapid.T, method, pattern string) string {
	path, _, _ := strings.Cut(q.names.Replace(routeTable[method+" "+pattern].path), "?")
	if rapid.IntRange(0, 2).Draw(t, "other path") == 0 {
		path = inBraces.ReplaceAllStringFunc(pattern, func(name string) string {
			return url.PathEscape(q.value.Draw(t, name))
		})
	}
	query := url.Values{}
	for _, parameter := range q.doc.Paths[pattern][strings.ToLower(method)].Parameters {
		if parameter.In == "query" && rapid.Bool().Draw(t, "with "+parameter.Name) {
			query.Set(parameter.Name, q.value.Draw(t, parameter.Name))
		}
	}
	return path + "?" + query.Encode()
}

// body is the one of the route's row, one with another value in it, or none
// that anybody expects.
func (q *requester) body(t *rapid.T, route string) string {
	usual := q.names.Replace(routeTable[route].body)
	var members map[string]any
	if json.Unmarshal([]byte(usual), &members) == nil && rapid.Bool().Draw(t, "other member") {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(members))).Draw(t, "member")
		members[name] = rapid.OneOf(
			rapid.Map(q.value, func(v string) any { return v }),
			rapid.SampledFrom([]any{nil, true, -1, 1e99, []any{nil}, []any{"x", "x"}, map[string]any{}}),
		).Draw(t, name)
		changed, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return string(changed)
	}
	return rapid.OneOf(rapid.Just(usual), rapid.SampledFrom([]string{"", "null", "[]", "{}", "{", `{"text":"\ud800"}`}), rapid.String()).Draw(t, "body")
}

// ask makes one request and holds its answer against the description.
func (q *requester) ask(t *rapid.T) {
	route := rapid.SampledFrom(q.routes).Draw(t, "route")
	method, pattern, _ := strings.Cut(route, " ")
	ctx, hangUp := context.WithCancel(q.house.Context())
	defer hangUp()
	request := httptest.NewRequestWithContext(ctx, method, q.path(t, method, pattern), strings.NewReader(q.body(t, route)))
	request.Header.Set("Content-Type", rapid.SampledFrom([]string{"application/json", "application/json", "application/json", "text/plain", "/"}).Draw(t, "Content-Type"))
	if token := q.tokens[rapid.IntRange(0, len(q.tokens)-1).Draw(t, "token")](); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for _, name := range []string{"Last-Event-ID", "Idempotency-Key", "If-None-Match", "If-Match", "Range", "Parley-Position"} {
		if rapid.IntRange(0, 4).Draw(t, "with "+name) == 0 {
			request.Header.Set(name, rapid.OneOf(q.value, rapid.SampledFrom([]string{"bytes=0-1", "bytes=0-1,3-4", "bytes=99-"})).Draw(t, name))
		}
	}
	if position, err := strconv.ParseUint(request.Header.Get("Parley-Position"), 10, 64); err == nil && position > 1 {
		request.Header.Del("Parley-Position") // which would be waited for
	}
	recorder := &impatient{httptest.NewRecorder(), hangUp}
	q.house.Server.ServeHTTP(recorder, request)
	answer := &handlertest.Answer{Status: recorder.Code, Header: recorder.Result().Header, Body: recorder.Body.Bytes()}
	if answer.Status >= 500 {
		t.Errorf("%s %s answers %d: %s", method, request.URL, answer.Status, answer.Body)
	}
	doc := *q.doc
	doc.TB = t
	doc.answer(route, answer)
}

// TestNoRequestIsAFault holds that no input makes a 5xx, and that whatever it
// is answered is documented.
func TestNoRequestIsAFault(t *testing.T) {
	q := newRequester(t)
	rapid.Check(t, func(rt *rapid.T) {
		for range 5 {
			q.ask(rt)
		}
	})
}
