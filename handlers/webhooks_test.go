package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"parley/handlers"
	"parley/handlers/handlertest"
)

// reachable lets a house reach receivers of this machine.
func reachable(o *handlers.Options) {
	o.Outbound = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

// receiver answers challenges for one token, and everything else with 404.
func receiver(t testing.TB, token string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.Method != http.MethodGet || query.Get("hub.mode") != "subscribe" || query.Get("hub.verify_token") != token {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintln(w, query.Get("hub.challenge"))
	}))
	t.Cleanup(server.Close)
	return server
}

// shownWebhook is a webhook as its app's owner is shown it.
type shownWebhook struct {
	URL    string
	Fields []string
	State  string
	Reason *string
}

func TestAWebhookFromChallengeToRemoval(t *testing.T) {
	h := handlertest.Open(t, reachable)
	ada, eve := h.Person("ada"), h.Person("eve")
	app := bringApp(h, ada)
	path := "/v1/apps/" + app.App.ID.String() + "/webhook"
	ada.Get(path).Refused(404, "no webhook")

	address := receiver(t, "vogel").URL + "/hook?key=1"
	var shown shownWebhook
	body := map[string]any{"url": address, "verifyToken": "vogel", "fields": []string{"orders", "messages"}}
	put := ada.Do("PUT", path, body).Want(200).Into(&shown)
	if shown.URL != address || strings.Join(shown.Fields, " ") != "messages orders" || shown.State != "on" || shown.Reason != nil {
		t.Errorf("configured %+v", shown)
	}
	if again := ada.Do("PUT", path, body).Want(200); again.Position() != put.Position() {
		t.Errorf("the same webhook was configured twice: %s, then %s", put.Position(), again.Position())
	}
	read := ada.Get(path).Want(200)
	if strings.Contains(string(read.Body), "vogel") {
		t.Errorf("the verify token is shown: %s", read.Body)
	}

	if _, err := h.Commands.DisableWebhook(t.Context(), app.App.ID, configurationOf(h, app), "nobody has answered for a day"); err != nil {
		t.Fatal(err)
	}
	if ada.Get(path).Want(200).Into(&shown); shown.State != "off" || shown.Reason == nil || *shown.Reason != "nobody has answered for a day" {
		t.Errorf("switched off: %+v", shown)
	}
	shown = shownWebhook{}
	if ada.Do("PUT", path, body).Want(200).Into(&shown); shown.State != "on" || shown.Reason != nil {
		t.Errorf("switched on again: %+v", shown)
	}

	eve.Do("PUT", path, body).Refused(403, "owner")
	eve.Do("DELETE", path, nil).Refused(403, "owner")
	ada.Do("DELETE", path, nil).Want(204)
	ada.Do("DELETE", path, nil).Want(204)
	ada.Get(path).Refused(404, "no webhook")
}

func configurationOf(h *handlertest.House, app broughtApp) (id [16]byte) {
	h.Helper()
	state, err := h.Commands.App(h.Context(), app.App.ID)
	if err != nil {
		h.Fatal(err)
	}
	return state.Webhook.Configuration
}

func TestWebhooksAreRefused(t *testing.T) {
	h := handlertest.Open(t, reachable)
	ada := h.Person("ada")
	app := bringApp(h, ada)
	path := "/v1/apps/" + app.App.ID.String() + "/webhook"
	redirecting := httptest.NewServer(http.RedirectHandler(receiver(t, "vogel").URL, http.StatusFound))
	t.Cleanup(redirecting.Close)
	mistaken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("9", 500)) }))
	t.Cleanup(mistaken.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, c := range map[string]struct {
		url, token, field string
		says              string
	}{
		"another token": {receiver(t, "vogel").URL, "katze", "body.url", "404"},
		"redirect":      {redirecting.URL, "vogel", "body.url", "302"},
		"not challenge": {mistaken.URL, "vogel", "body.url", "hub.challenge"},
		"nobody there":  {gone.URL, "vogel", "body.url", "could not be reached"},
		"not allowed":   {strings.Replace(mistaken.URL, "127.0.0.1", "127.0.0.2", 1), "vogel", "body.url", "not a public address"},
		"metadata":      {"http://169.254.169.254/latest/meta-data", "vogel", "body.url", "not a public address"},
		"no URL":        {"hook", "vogel", "body.url", "https"},
		"no token":      {mistaken.URL, "", "body.verifyToken", "empty"},
	} {
		answer := ada.Do("PUT", path, map[string]any{"url": c.url, "verifyToken": c.token}).Refused(422, c.field)
		if !strings.Contains(string(answer.Body), c.says) {
			t.Errorf("%s: the answer does not say %q: %s", name, c.says, answer.Body)
		}
	}
	ada.Do("PUT", path, map[string]any{"url": mistaken.URL, "verifyToken": "x", "fields": []string{"all"}}).Refused(422, "body.fields")
	ada.Get(path).Refused(404, "no webhook")
}
