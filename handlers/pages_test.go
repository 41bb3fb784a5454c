package handlers_test

import (
	"testing"

	"parley/events"
	"parley/handlers/handlertest"
)

func TestAPageAccessTokenSpeaksForAMerchant(t *testing.T) {
	h := handlertest.Open(t)
	agent, customer := h.Person("agent"), h.Person("customer")
	var merchant struct{ ID string }
	agent.Post("/v1/merchants", map[string]string{"name": "Tea & Co."}).Want(201).Into(&merchant)
	app := bringApp(h, agent)
	path := "/v1/merchants/" + merchant.ID + "/apps"
	connect := func() (token string) {
		var made struct {
			PageAccessToken string
			Grants          []events.Grant
		}
		agent.Do("PUT", path+"/"+app.App.ID.String(), nil).Want(200).Into(&made)
		if len(made.Grants) == 0 {
			t.Error("the app was granted nothing")
		}
		return made.PageAccessToken
	}
	accepted := func(token string) bool {
		page, ok, err := h.Commands.PageOf(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if ok && (page.App != app.App.ID || page.ID().String() != merchant.ID) {
			t.Errorf("the token speaks for %+v", page)
		}
		return ok
	}
	token := connect()
	if again := connect(); again != token {
		t.Errorf("connected again, the token is another one")
	}
	if !accepted(token) {
		t.Error("the page access token is not accepted")
	}
	if last := token[len(token)-1]; accepted(token[:len(token)-1] + string(last^1)) {
		t.Error("a token that differs in a digit is accepted")
	}
	var list struct{ Apps []struct{ ID, Name string } }
	agent.Get(path).Want(200).Into(&list)
	if len(list.Apps) != 1 || list.Apps[0].ID != app.App.ID.String() {
		t.Errorf("the list is %+v", list)
	}
	customer.Get(path).Want(404)
	customer.Do("PUT", path+"/"+app.App.ID.String(), nil).Want(404)
	agent.Do("PUT", path+"/"+app.App.ID.String(), `{"grants":["messages:eat"]}`).Refused(422, "grants")
	h.With(token).Get("/v1/conversations").Want(401) // it is for the Messenger API alone

	agent.Do("DELETE", path+"/"+app.App.ID.String(), nil).Want(204)
	if accepted(token) {
		t.Error("a disconnected app's token is accepted")
	}
	if again := connect(); again == token {
		t.Error("connected anew, the app has the token that ended")
	}
	if _, ok, err := h.Commands.PageOf(t.Context(), app.Token); !ok || err != nil {
		t.Errorf("the app's own page: %t, %v", ok, err)
	}
	for _, bad := range []string{"", "page_", "page_zz_", "app_", token[:40]} {
		if _, ok, err := h.Commands.PageOf(t.Context(), bad); ok || err != nil {
			t.Errorf("%q: %t, %v", bad, ok, err)
		}
	}
}
