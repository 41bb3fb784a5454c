package handlers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// furnished is a house that has something of all that routes are about.
type furnished struct {
	*handlertest.House
	owner, stranger *handlertest.Client
	app             broughtApp
	// ids are what the names in braces of routeTable stand for.
	ids map[string]string
}

func furnish(t testing.TB, changes ...func(*handlers.Options)) furnished {
	t.Helper()
	h := handlertest.Open(t, append(changes, reachable)...)
	owner, stranger, newcomer := h.Person("owner"), h.Person("stranger"), h.Person("newcomer")
	leaver := h.Person("leaver")
	room := owner.Start("group", newcomer)
	owner.Say(room, "hello")
	said := owner.Say(room, "to be retracted")
	owner.Get("/v1/conversations/"+room.String(), "Parley-Position", said.Position()).Want(200)
	newcomer.Say(room, "to be reported")
	var report projections.Report
	owner.Post("/v1/conversations/"+room.String()+"/messages/2/report", `{"reason":"spam"}`).Want(201).Into(&report)
	var up upload
	owner.Post("/v1/media", "a file").Want(201).Into(&up)
	business := openBusiness(t, owner, newcomer, stranger)
	app, other := bringApp(h, owner), bringApp(h, owner)
	hook := receiver(t, "vogel").URL
	owner.Do("PUT", "/v1/apps/"+app.App.ID.String()+"/webhook", map[string]string{"url": hook, "verifyToken": "vogel"}).Want(200)
	return furnished{h, owner, stranger, app, map[string]string{
		"receiver": hook, "app": app.App.ID.String(), "otherApp": other.App.ID.String(),
		"merchant": business.merchant.String(), "other": business.other.String(), "order": business.order.String(),
		"bought": business.bought.String(), "business": business.conversation.String(), "case": business.kase.String(), "media": up.Media.String(),
		"participant": owner.User.ID.String(), "newcomer": newcomer.User.ID.String(), "leaver": leaver.User.ID.String(),
		"room": room.String(), "report": report.ID.String(), "position": said.Position(),
	}}
}

// names replaces the names in braces.
func (f furnished) names() *strings.Replacer {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(f.ids)) {
		pairs = append(pairs, "{"+name+"}", f.ids[name])
	}
	return strings.NewReplacer(pairs...)
}
