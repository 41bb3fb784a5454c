package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// broughtApp is an app as its owner was answered.
type broughtApp struct {
	App           projections.App
	Secret, Token string
}

// bringApp registers and publishes an app that asks for everything and has an
// icon.
func bringApp(h *handlertest.House, owner *handlertest.Client, grants ...events.Grant) broughtApp {
	h.Helper()
	if grants == nil {
		grants = decide.AllGrants
	}
	var icon upload
	var app broughtApp
	owner.Post("/v1/media", animation(h)).Want(201).Into(&icon)
	owner.Post("/v1/apps", map[string]any{
		"name": "Moving Pictures", "description": "Horses that run.", "icon": icon.Media, "grants": grants,
	}).Want(201).Into(&app)
	published := owner.Post("/v1/apps/"+app.App.ID.String()+"/publish", nil).Want(200)
	owner.Get("/v1/apps/"+app.App.ID.String(), "Parley-Position", published.Position()).Want(200).Into(&app.App)
	return app
}

// install installs an app with grants, or with all that it asks for.
func install(c *handlertest.Client, room uuid.UUID, app broughtApp, grants ...events.Grant) *handlertest.Answer {
	var body any
	if grants != nil {
		body = map[string]any{"grants": grants}
	}
	return c.Do("PUT", fmt.Sprintf("/v1/conversations/%s/apps/%s", room, app.App.ID), body)
}

func TestAnAppFromRegistrationToSuspension(t *testing.T) {
	h := handlertest.Open(t)
	ada, eve := h.Person("ada"), h.Person("eve")
	var app broughtApp
	registered := ada.Post("/v1/apps", `{"name":"Clips","grants":["attachments:write","messages:read"]}`).Want(201).Into(&app)
	path := "/v1/apps/" + app.App.ID.String()
	want := projections.App{
		AppCard: projections.AppCard{ID: app.App.ID, Name: "Clips"}, Owner: ada.User.ID, RegisteredAt: handlertest.Began,
		Grants: []events.Grant{events.ReadMessages, events.WriteAttachments},
	}
	if diff := cmp.Diff(want, app.App); diff != "" || len(app.Secret) < 32 || !strings.HasPrefix(app.Token, "app_") {
		t.Errorf("registered as %s\n%s", registered.Body, diff)
	}
	var seen projections.App
	ada.Get(path, "Parley-Position", registered.Position()).Want(200).Into(&seen)
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}

	eve.Get(path).Refused(404, "no such app")
	eve.Post(path+"/publish", nil).Refused(404, "no such app")
	eve.Post(path+"/secret", nil).Refused(404, "no such app")
	if names := directory(t, eve, "/v1/apps"); len(names) > 0 {
		t.Errorf("the directory has %v", names)
	}
	if names := directory(t, ada, "/v1/apps?mine=true"); !cmp.Equal(names, []string{"Clips"}) {
		t.Errorf("ada's are %v", names)
	}
	ada.Post(path+"/publish", nil).Want(200)
	eve.Get(path).Want(200)
	eve.Do("PATCH", path, `{"name":"Stolen"}`).Refused(403, "owner")
	ada.Do("PATCH", path, `{"description":"Sounds."}`).Want(200).Into(&seen)
	if seen.Description != "Sounds." || seen.Name != "Clips" || !seen.Published {
		t.Errorf("changed to %+v", seen)
	}

	speaker := h.With(app.Token)
	speaker.Get(path).Want(200)
	operator := h.Scoped(handlers.Operator)
	operator.Post(path+"/suspend", `{"reason":"It is too loud."}`).Want(200).Into(&seen)
	if seen.Suspended == nil || *seen.Suspended != "It is too loud." {
		t.Errorf("suspended as %+v", seen)
	}
	speaker.Get(path).Refused(401, "token")
	if names := directory(t, eve, "/v1/apps"); len(names) > 0 {
		t.Errorf("the directory has %v", names)
	}
	operator.Post(path+"/resume", nil).Want(200)
	speaker.Get(path).Want(200)
}

// directory lists the names of apps, page by page.
func directory(t *testing.T, c *handlertest.Client, path string) (names []string) {
	t.Helper()
	for path != "" {
		var page projections.Directory
		c.Get(path).Want(200).Into(&page)
		for _, app := range page.Apps {
			names = append(names, app.Name)
		}
		path = ""
		if page.Next != nil {
			path = *page.Next
		}
	}
	return names
}

func TestSearchingTheDirectory(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	for _, listing := range []string{
		`{"name":"Übersetzer","description":"100% French_German"}`, `{"name":"Clips","description":"Sounds of cats"}`, `{"name":"Cats"}`,
	} {
		var app broughtApp
		ada.Post("/v1/apps", listing).Want(201).Into(&app)
		ada.Post("/v1/apps/"+app.App.ID.String()+"/publish", nil).Want(200)
	}
	for query, want := range map[string][]string{
		"":             {"Cats", "Clips", "Übersetzer"},
		"q=CATS":       {"Cats", "Clips"},
		"q=100%25":     {"Übersetzer"},
		"q=h_g":        {"Übersetzer"},
		"q=_":          {"Übersetzer"},
		"q=%C3%9CBER":  {"Übersetzer"},
		"q=dogs":       nil,
		"q=%5C":        nil,
		"limit=1":      {"Cats", "Clips", "Übersetzer"},
		"limit=1&q=ts": {"Cats", "Clips"},
	} {
		if got := directory(t, ada, "/v1/apps?"+query); !cmp.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	ada.Get("/v1/apps?cursor=x").Refused(422, "query.cursor")
	ada.Get("/v1/apps?cursor="+uuid.NewString()).Refused(422, "query.cursor")
}

func TestBadListings(t *testing.T) {
	h := handlertest.Open(t)
	ada, eve := h.Person("ada"), h.Person("eve")
	var text, others upload
	ada.Post("/v1/media", "no picture").Want(201).Into(&text)
	eve.Post("/v1/media", animation(t)).Want(201).Into(&others)
	before := count(t, h)
	for body, field := range map[string]string{
		`{"name":""}`:           "body.name",
		`{"name":"two\nlines"}`: "body.name",
		`{"name":"N","website":"javascript:alert(1)"}`:        "body.website",
		`{"name":"N","grants":["everything"]}`:                "body.grants",
		`{"name":"N","icon":"x"}`:                             "body.icon",
		`{"name":"N","icon":"` + text.Media.String() + `"}`:   "body.icon",
		`{"name":"N","icon":"` + others.Media.String() + `"}`: "body.icon",
	} {
		ada.Post("/v1/apps", body).Refused(422, field)
	}
	if written := count(t, h) - before; written > 0 {
		t.Errorf("%d events were written", written)
	}
}

func TestRotation(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	app := bringApp(h, ada)
	path := "/v1/apps/" + app.App.ID.String()
	var next struct {
		Secret, Token string
		PreviousUntil time.Time
	}
	first := ada.Post(path+"/secret", `{"overlap":60}`, "Idempotency-Key", "k").Want(200).Into(&next)
	if next.Secret == app.Secret || next.Token == app.Token || !next.PreviousUntil.Equal(handlertest.Began.Add(time.Minute)) {
		t.Errorf("rotated to %s", first.Body)
	}
	h.Clock.Advance(30 * time.Second)
	if again := ada.Post(path+"/secret", `{"overlap":60}`, "Idempotency-Key", "k").Want(200); string(again.Body) != string(first.Body) {
		t.Errorf("the repeat was answered %s, the first %s", again.Body, first.Body)
	}
	old, current := h.With(app.Token), h.With(next.Token)
	old.Get(path).Want(200)
	current.Get(path).Want(200)
	h.Clock.Advance(30 * time.Second)
	old.Get(path).Refused(401, "token")
	current.Get(path).Want(200)
	for _, wrong := range []string{"app_", "app_zz_1", next.Token[:len(next.Token)-1], next.Token + "0", strings.Replace(next.Token, "_", "", 1)} {
		h.With(wrong).Get(path).Refused(401, "token")
	}
	ada.Post(path+"/secret", `{"overlap":604801}`).Refused(422, "body.overlap")
}

// TestSecretsAreNotKept looks for an app's credentials in the whole log.
func TestSecretsAreNotKept(t *testing.T) {
	h := handlertest.Open(t)
	app := bringApp(h, h.Person("ada"))
	for recorded, err := range h.Node.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{app.Secret, app.Token, app.Token[40:]} {
			if strings.Contains(string(recorded.Data), secret) {
				t.Errorf("%s holds a secret: %s", recorded.Type, recorded.Data)
			}
		}
	}
}

func TestAppsInAConversation(t *testing.T) {
	c := openChat(t)
	app := bringApp(c.House, c.ada)
	eve := c.Person("eve")
	apps := "/v1/conversations/" + c.room.String() + "/apps"
	install(eve, c.room, app).Refused(404, "no such conversation")
	install(c.bob, c.room, app, "messages:eat").Refused(422, "body.grants")
	installed := install(c.bob, c.room, app, events.ReadMessages).Want(204)
	var shown struct{ Apps []projections.Installed }
	c.ada.Get(apps, "Parley-Position", installed.Position()).Want(200).Into(&shown)
	want := []projections.Installed{{App: app.App.AppCard, Grants: []events.Grant{events.ReadMessages}, InstalledBy: c.bob.User.ID, InstalledAt: handlertest.Began}}
	if diff := cmp.Diff(want, shown.Apps); diff != "" {
		t.Error(diff)
	}
	if again := install(c.bob, c.room, app, events.ReadMessages).Want(204); again.Position() != installed.Position() {
		t.Error("installing twice wrote twice")
	}
	changed := install(c.ada, c.room, app).Want(204)
	c.ada.Get(apps, "Parley-Position", changed.Position()).Want(200).Into(&shown)
	if len(shown.Apps) != 1 || !cmp.Equal(shown.Apps[0].Grants, decide.AllGrants) {
		t.Errorf("changed to %+v", shown.Apps)
	}
	removed := c.ada.Do("DELETE", apps+"/"+app.App.ID.String(), nil).Want(204)
	c.ada.Get(apps, "Parley-Position", removed.Position()).Want(200).Into(&shown)
	if len(shown.Apps) != 0 {
		t.Errorf("removed, but %+v are left", shown.Apps)
	}

	var draft broughtApp
	c.ada.Post("/v1/apps", `{"name":"Draft"}`).Want(201).Into(&draft)
	install(c.bob, c.room, draft).Refused(404, "no such app")
	install(c.ada, c.room, draft).Want(204)
	c.Scoped(handlers.Operator).Post("/v1/apps/"+app.App.ID.String()+"/suspend", `{"reason":"Noise"}`).Want(200)
	install(c.ada, c.room, app).Refused(409, "Noise")
}

// TestGrantsAreHeld asks for each thing that an app can do, without each of
// the grants.
func TestGrantsAreHeld(t *testing.T) {
	c := openChat(t)
	app := bringApp(c.House, c.ada)
	speaker := c.With(app.Token)
	var up upload
	speaker.Post("/v1/media", animation(t)).Want(201).Into(&up)
	room := "/v1/conversations/" + c.room.String()
	file := `"attachments":[{"media":"` + up.Media.String() + `"}]`
	acts := []struct {
		name, method, path, body string
		status                   int
		needs                    []events.Grant
	}{
		{"reading", "GET", room + "/messages", "", 200, []events.Grant{events.ReadMessages}},
		{"speaking", "POST", room + "/messages", `{"text":"hello"}`, 201, []events.Grant{events.WriteMessages}},
		{"sharing", "POST", room + "/attachments", `{` + file + `}`, 201, []events.Grant{events.WriteAttachments}},
		{"sharing with words", "POST", room + "/messages", `{"text":"hello",` + file + `}`, 201, []events.Grant{events.WriteMessages, events.WriteAttachments}},
	}
	for _, act := range acts {
		speaker.Do(act.method, act.path, bodyOf(act.body)).Refused(404, "no such conversation")
	}
	for _, missing := range decide.AllGrants {
		var rest []events.Grant
		for _, grant := range decide.AllGrants {
			if grant != missing {
				rest = append(rest, grant)
			}
		}
		installed := install(c.ada, c.room, app, rest...).Want(204).Position()
		for _, act := range acts {
			answer := speaker.Do(act.method, act.path, bodyOf(act.body), "Parley-Position", installed)
			if cmp.Equal(act.needs, append([]events.Grant{}, missing)) || len(act.needs) > 1 && (act.needs[0] == missing || act.needs[1] == missing) {
				answer.Refused(http.StatusForbidden, string(missing))
			} else {
				answer.Want(act.status)
			}
		}
	}
	// What is only a person's to do is not an app's, whatever it was granted.
	install(c.ada, c.room, app).Want(204)
	for route, body := range map[string]string{
		"GET " + room:                                       "",
		"POST " + room + "/participants":                    `{"userId":"` + c.bob.User.ID.String() + `"}`,
		"GET /v1/conversations":                             "",
		"PUT " + room + "/apps/" + app.App.ID.String():      "",
		"POST /v1/apps/" + app.App.ID.String() + "/secret":  "",
		"POST /v1/apps/" + app.App.ID.String() + "/publish": "",
		"GET /v1/users/" + c.bob.User.ID.String():           "",
		"GET /v1/users?handle=bob":                          "",
		"PATCH /v1/users/" + c.bob.User.ID.String():         `{"displayName":"Bobby"}`,
		"DELETE /v1/users/" + c.bob.User.ID.String():        "",
		"POST /v1/tokens/revocations":                       `{"subject":"app:` + app.App.ID.String() + `"}`,
		"POST /v1/apps":                                     `{"name":"Another"}`,
		"POST /v1/conversations":                            `{"kind":"group","participants":[]}`,
	} {
		method, path, _ := strings.Cut(route, " ")
		speaker.Do(method, path, bodyOf(body)).Refused(403, "user")
	}
}

func TestAnAppReadsWhatWasSaidSinceItCame(t *testing.T) {
	c := openChat(t)
	app := bringApp(c.House, c.ada)
	var before upload
	c.ada.Post("/v1/media", "before").Want(201).Into(&before)
	c.ada.Post(c.path, `{"text":"a secret","attachments":[{"media":"`+before.Media.String()+`"}]}`).Want(201)
	install(c.ada, c.room, app).Want(204)
	said := c.bob.Say(c.room, "hello, app")
	speaker := c.With(app.Token)
	for _, query := range []string{"", "?after=-1", "?after=0"} {
		var page projections.Page
		speaker.Get(c.path+query, "Parley-Position", said.Position()).Want(200).Into(&page)
		if len(page.Messages) != 1 || page.Messages[0].Text != "hello, app" {
			t.Errorf("%s: the app reads %+v", query, page.Messages)
		}
	}
	speaker.Get(c.path+"?before=9").Refused(422, "query.before")
	speaker.Get(before.URL, "Parley-Position", said.Position()).Refused(404, "")
	c.ada.Do("DELETE", "/v1/conversations/"+c.room.String()+"/apps/"+app.App.ID.String(), nil).Want(204)
	speaker.Get(c.path).Refused(404, "no such conversation")
}

func TestUsageAndRanking(t *testing.T) {
	c := openChat(t)
	old, fresh := bringApp(c.House, c.ada), bringApp(c.House, c.ada)
	rooms := []uuid.UUID{c.room, c.ada.Start("group"), c.ada.Start("group"), c.ada.Start("group")}
	install(c.ada, rooms[0], old).Want(204)
	c.Clock.Advance(24 * time.Hour)
	install(c.ada, rooms[1], old).Want(204)
	install(c.ada, rooms[2], fresh).Want(204)
	install(c.ada, rooms[3], fresh).Want(204)
	c.ada.Do("DELETE", fmt.Sprintf("/v1/conversations/%s/apps/%s", rooms[3], fresh.App.ID), nil).Want(204)
	speaker := c.With(old.Token)
	var up upload
	speaker.Post("/v1/media", animation(t)).Want(201).Into(&up)
	var last *handlertest.Answer
	for range 2 {
		last = speaker.Post("/v1/conversations/"+rooms[1].String()+"/attachments", `{"attachments":[{"media":"`+up.Media.String()+`"}]}`).Want(201)
	}
	c.Clock.Advance(24 * time.Hour)

	var usage projections.AppUsage
	c.ada.Get("/v1/apps/"+old.App.ID.String()+"/usage?from=2026-03-01", "Parley-Position", last.Position()).Want(200).Into(&usage)
	want := []projections.AppPoint{
		{Day: "2026-03-02", Installs: 1, Added: 1},
		{Day: "2026-03-03", Installs: 2, Added: 1, Conversations: 1, Messages: 2, Attachments: 2},
	}
	if diff := cmp.Diff(want, usage.Points); diff != "" {
		t.Error(diff)
	}
	c.ada.Get("/v1/apps/" + old.App.ID.String() + "/usage?from=2026-03-03&to=2026-03-04").Want(200).Into(&usage)
	if diff := cmp.Diff(want[1:], usage.Points); diff != "" {
		t.Error(diff)
	}

	var ranking projections.AppRanking
	c.bob.Get("/v1/apps/ranking?from=2026-03-03&to=2026-03-04").Want(200).Into(&ranking)
	hundred := 100.0
	wantRanking := []projections.AppGrowth{
		{App: fresh.App.AppCard, Installs: 1, Added: 1},
		{App: old.App.AppCard, Installs: 2, Added: 1, GrowthPercent: &hundred},
	}
	if diff := cmp.Diff(wantRanking, ranking.Apps); diff != "" {
		t.Error(diff)
	}
	c.bob.Get("/v1/apps/ranking?from=2026-03-03&to=2026-03-01").Refused(422, "query.from")
}
