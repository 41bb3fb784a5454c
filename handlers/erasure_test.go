package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// recorded is all that the log has up to a position, byte for byte.
func recorded(t *testing.T, h *handlertest.House, upTo events.Position) []events.Recorded {
	t.Helper()
	var all []events.Recorded
	for event, err := range h.Node.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Position > upTo {
			break
		}
		all = append(all, event)
	}
	return all
}

// leaves waits until somebody has left a group, and returns the position.
func leaves(t *testing.T, h *handlertest.House, group uuid.UUID) string {
	t.Helper()
	only := events.Filter{StreamPrefixes: []string{events.ConversationStream(group)}}
	for event, err := range h.Node.Follow(t.Context(), events.Beginning, only) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == events.TypeOf(new(events.ParticipantRoleChanged)) {
			return fmt.Sprint(event.Position)
		}
	}
	return ""
}

func TestErase(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cleo := h.Person("ada"), h.Person("bob"), h.Person("cleo")
	operator := h.Scoped(handlers.Operator)
	group, direct := ada.Start("group", bob, cleo), ada.Start("direct", bob)
	ada.Do("PATCH", "/v1/conversations/"+group.String(), `{"title":"a secret title"}`).Want(204)
	ada.Say(group, "a secret remark")
	said := ada.Say(direct, "another secret")
	bob.Get("/v1/conversations", "Parley-Position", said.Position()).Want(200)
	before := h.Node.Tip()
	log := recorded(t, h, before)
	path := "/v1/users/" + ada.User.ID.String()

	bob.Do("DELETE", path, nil).Refused(403, "")
	operator.Do("DELETE", "/v1/users/"+uuid.NewString(), nil).Refused(404, "")
	erased := ada.Do("DELETE", path, nil).Want(204)

	ada.Get("/v1/conversations").Refused(401, "")
	operator.Post("/v1/tokens", fmt.Sprintf(`{"userId":%q}`, ada.User.ID)).Refused(422, "body.userId")
	late, err := h.Tokens.Issue(ada.User.ID.String(), nil, handlers.DefaultTTL)
	if err != nil {
		t.Fatal(err)
	}
	h.With(late.Token).Get("/v1/conversations").Refused(401, "")
	var shown strings.Builder
	for _, read := range []string{
		"/v1/conversations", "/v1/conversations/" + group.String(), "/v1/conversations/" + direct.String() + "/messages",
		"/v1/conversations/" + group.String() + "/messages/0/history", "/v1/users?handle=ada", path,
	} {
		shown.Write(bob.Get(read, "Parley-Position", erased.Position()).Want(200).Body)
	}
	if text := shown.String(); strings.Contains(text, "secret") || strings.Contains(text, "The ada") {
		t.Errorf("shown is %s", text)
	}
	var user projections.User
	bob.Get(path).Want(200).Into(&user)
	if user.ErasedAt == nil || !user.ErasedAt.Equal(handlertest.Began) || user.Handle != "" || user.DisplayName != "" {
		t.Errorf("the user is %+v", user)
	}
	bob.Post("/v1/conversations/"+direct.String()+"/messages", `{"text":"are you there?"}`).Refused(409, "not here any more")
	cleo.Post("/v1/conversations", fmt.Sprintf(`{"kind":"direct","participants":[%q]}`, ada.User.ID)).Refused(422, "body.participants")
	operator.Post("/v1/users", `{"handle":"ada","displayName":"Another"}`).Refused(409, "body.handle")

	position := leaves(t, h, group)
	want := map[uuid.UUID]events.Role{bob.User.ID: events.Owner, cleo.User.ID: events.Member}
	if diff := cmp.Diff(want, rolesIn(group, cleo, position)); diff != "" {
		t.Errorf("the group (-want +got):\n%s", diff)
	}
	cleo.Post("/v1/conversations/"+group.String()+"/participants", fmt.Sprintf(`{"userId":%q}`, ada.User.ID)).Refused(422, "body.userId")
	again := operator.Do("DELETE", path, nil).Want(204)
	if again.Position() != erased.Position() {
		t.Errorf("erased at %s, and again at %s", erased.Position(), again.Position())
	}
	if diff := cmp.Diff(log, recorded(t, h, before)); diff != "" {
		t.Errorf("the log has changed (-before +after):\n%s", diff)
	}
	forgotten, err := h.Journal.Keys.Forgotten(t.Context(), ada.User.ID)
	if err != nil || !forgotten {
		t.Errorf("the key is destroyed: %t, %v", forgotten, err)
	}
}
