package handlers_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

func TestBlock(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cleo := h.Person("ada"), h.Person("bob"), h.Person("cleo")
	room, group := ada.Start("direct", bob), ada.Start("group", bob)
	ada.Say(room, "hello")
	path := "/v1/conversations/" + room.String()
	bobs := "/v1/users/" + bob.User.ID.String() + "/block"

	blocked := ada.Do("PUT", bobs, nil).Want(204)
	if again := ada.Do("PUT", bobs, nil).Want(204); again.Position() != blocked.Position() {
		t.Errorf("the second block is at %s, the first at %s", again.Position(), blocked.Position())
	}
	bob.Post(path+"/messages", `{"text":"why?"}`).Refused(403, "this person cannot be written to")
	ada.Post(path+"/messages", `{"text":"because"}`).Refused(403, "you have blocked this person")
	for _, who := range []*handlertest.Client{ada, bob} {
		who.Get(path+"/messages", "Parley-Position", blocked.Position()).Want(200)
		who.Do("PUT", path+"/read", `{"upTo":0}`).Want(204)
		who.Say(group, "in company they can still talk")
	}
	again := bob.Post("/v1/conversations", fmt.Sprintf(`{"kind":"direct","participants":[%q]}`, ada.User.ID))
	again.Want(200)

	cleo.Do("PUT", "/v1/users/"+ada.User.ID.String()+"/block", nil).Want(204)
	ada.Post("/v1/conversations", fmt.Sprintf(`{"kind":"direct","participants":[%q]}`, cleo.User.ID)).Refused(403, "this person cannot be written to")
	cleo.Post("/v1/conversations", fmt.Sprintf(`{"kind":"direct","participants":[%q]}`, ada.User.ID)).Refused(403, "you have blocked this person")

	ada.Do("DELETE", bobs, nil).Want(204)
	ada.Do("DELETE", bobs, nil).Want(204)
	bob.Say(room, "hello again")
	ada.Do("PUT", "/v1/users/"+uuid.NewString()+"/block", nil).Refused(404, "")
	ada.Do("PUT", "/v1/users/"+ada.User.ID.String()+"/block", nil).Refused(422, "nobody blocks themselves")
	ada.Do("PUT", "/v1/users/bob/block", nil).Refused(422, "path.id")
	nobody, err := h.Tokens.Issue(uuid.NewString(), nil, handlers.DefaultTTL)
	if err != nil {
		t.Fatal(err)
	}
	h.With(nobody.Token).Do("PUT", bobs, nil).Refused(404, "")
}

func TestBlocksAreListed(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cleo := h.Person("ada"), h.Person("bob"), h.Person("cleo")
	ada.Do("PUT", "/v1/users/"+cleo.User.ID.String()+"/block", nil).Want(204)
	last := ada.Do("PUT", "/v1/users/"+bob.User.ID.String()+"/block", nil).Want(204)
	var got []projections.Block
	for next := "/v1/users/me/blocks?limit=1"; next != ""; {
		var page projections.Blocks
		ada.Get(next, "Parley-Position", last.Position()).Want(200).Into(&page)
		got = append(got, page.Blocks...)
		next = ""
		if page.Next != nil {
			next = *page.Next
		}
	}
	want := []projections.Block{{UserID: cleo.User.ID, BlockedAt: handlertest.Began}, {UserID: bob.User.ID, BlockedAt: handlertest.Began}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for query, field := range map[string]string{"limit=0": "query.limit", "limit=201": "query.limit", "after=-1": "query.after", "after=18446744073709551615": "query.after"} {
		ada.Get("/v1/users/me/blocks?"+query).Refused(422, field)
	}
	h.Scoped(handlers.Operator).Get("/v1/users/me/blocks").Refused(403, "")
}
