package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/handlers"
	"parley/handlers/handlertest"
)

// placeholder is a name in routeTable.
var placeholder = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// TestNoBodyIsMisread holds for every route with a JSON body, whether huma serves it
// or not.
func TestNoBodyIsMisread(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	room := ada.Start("group")
	token, err := h.Tokens.Issue(ada.User.ID.String(), []handlers.Scope{handlers.Operator}, handlers.DefaultTTL)
	if err != nil {
		t.Fatal(err)
	}
	brought := bringApp(h, ada)
	install(ada, room, brought).Want(204)
	person, app := h.With(token.Token), h.With(brought.Token)
	known := strings.NewReplacer("{app}", brought.App.ID.String(), "{media}", bring(app, "file"),
		"{participant}", ada.User.ID.String(), "{room}", room.String(), "{n}", "1")
	fill := func(text string) string { return placeholder.ReplaceAllString(known.Replace(text), uuid.NewString()) }
	before := h.Node.Tip()
	for route, row := range routeTable {
		if !strings.HasPrefix(row.body, "{") {
			continue // no body, or not one of JSON
		}
		caller := person
		if row.participant == http.StatusForbidden && row.operator == http.StatusForbidden {
			caller = app
		}
		method, _, _ := strings.Cut(route, " ")
		body := fill(row.body)
		name := strings.SplitN(body, `"`, 3)[1]
		twice := "{" + strings.TrimSuffix(body[1:], "}") + "," + body[1:]
		for _, refusal := range []struct {
			body   string
			status int
			field  string
		}{
			{"", 400, "body"},
			{"{", 400, "body"},
			{body + "x", 400, "body"},
			{body + body, 400, "body"},
			{twice, 400, name},
			{strings.Replace(body, name, name+"\xff", 1), 400, "body"},
			{strings.Replace(body, name, name+"\x00", 1), 400, "body"},
			{strings.Replace(body, name, name+"x", 1), 422, name + "x"},
			{strings.Replace(body, name, strings.ToUpper(name), 1), 422, strings.ToUpper(name)},
			{"[" + body + "]", 422, "body"},
			{"null", 422, ""},
			{strings.Repeat(" ", 1<<20) + body, 413, "body"},
		} {
			answer := caller.Do(method, fill(row.path), refusal.body)
			if answer.Status != refusal.status {
				t.Errorf("%s of %.80q: status %d, want %d: %s", route, refusal.body, answer.Status, refusal.status, answer.Body)
				continue
			}
			answer.Refused(refusal.status, refusal.field)
		}
		caller.Do(method, fill(row.path), body, "Content-Type", "text/plain").Refused(415, "")
	}
	if h.Node.Tip() != before {
		t.Error("a refused body left something in the log")
	}
}
