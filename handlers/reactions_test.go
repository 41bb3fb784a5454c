package handlers_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"parley/handlers/handlertest"
	"parley/projections"
)

var cmpEmpty = cmpopts.EquateEmpty()

// conversation is the room as somebody sees it once all that was written is
// shown.
func (c *chat) conversation(who *handlertest.Client) (found projections.Conversation) {
	c.Helper()
	who.Get("/v1/conversations/"+c.room.String(), "Parley-Position", fmt.Sprint(c.Node.Tip())).Want(200).Into(&found)
	return found
}

func TestReactions(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "hello")
	at := func(emoji string) string { return c.path + "/0/reactions/" + url.PathEscape(emoji) }
	first := c.bob.Do("PUT", at("👍🏽"), nil).Want(204)
	for _, same := range []string{at("👍🏽"), c.path + "/0/reactions/%f0%9f%91%8d%f0%9f%8f%bd", c.path + "/0/reactions/👍🏽"} {
		if again := c.bob.Do("PUT", same, nil).Want(204); again.Position() != first.Position() {
			t.Errorf("%s again is at %s, the first time at %s", same, again.Position(), first.Position())
		}
	}
	for _, emoji := range []string{"❤️", "#️⃣", "*️⃣", "👨‍👩‍👧‍👦"} {
		c.ada.Do("PUT", at(emoji), nil).Want(204)
	}
	c.bob.Do("PUT", at("❤"), nil).Want(204) // without its selector
	c.ada.Do("DELETE", at("*️⃣"), nil).Want(204)
	c.ada.Do("DELETE", at("👍🏽"), nil).Want(204) // which is not hers
	c.ada.Do("DELETE", at("😀"), nil).Want(204)
	ada, bob := c.ada.User.ID, c.bob.User.ID
	want := []projections.Reaction{{Emoji: "👍🏽", UserIDs: []uuid.UUID{bob}}, {Emoji: "❤️", UserIDs: []uuid.UUID{ada, bob}},
		{Emoji: "#️⃣", UserIDs: []uuid.UUID{ada}}, {Emoji: "👨‍👩‍👧‍👦", UserIDs: []uuid.UUID{ada}}}
	if diff := cmp.Diff(want, c.message(c.bob, 0).Reactions); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range []string{"a", "%20", "👍👍", "👍a", "1", "%F0%9F", "%00", "a%2Fb"} {
		c.ada.Do("PUT", c.path+"/0/reactions/"+wrong, nil).Refused(422, "path.emoji")
		c.ada.Do("DELETE", c.path+"/0/reactions/"+wrong, nil).Refused(422, "path.emoji")
	}
	c.ada.Do("PUT", c.path+"/1/reactions/👍", nil).Refused(404, "message 1") // which is a reaction
	c.ada.Do("DELETE", c.path+"/99/reactions/👍", nil).Refused(404, "message 99")
	c.Person("cleo").Do("PUT", at("👍"), nil).Refused(404, "")
	for i := range 16 {
		c.ada.Do("PUT", at(string(rune('😀'+i))), nil).Want(204)
	}
	c.ada.Do("PUT", at("🚀"), nil).Refused(409, "reactions")
}

func TestPins(t *testing.T) {
	c := openChat(t)
	for range 52 {
		c.ada.Say(c.room, "hello")
	}
	pin := func(number int) string { return fmt.Sprint(c.path, "/", number, "/pin") }
	c.bob.Do("PUT", pin(7), nil).Want(204)
	first := c.ada.Do("PUT", pin(3), nil).Want(204)
	if again := c.bob.Do("PUT", pin(3), nil).Want(204); again.Position() != first.Position() {
		t.Errorf("pinned again at %s, first at %s", again.Position(), first.Position())
	}
	if diff := cmp.Diff([]uint64{7, 3}, c.conversation(c.bob).Pinned); diff != "" {
		t.Error(diff)
	}
	c.ada.Do("DELETE", pin(7), nil).Want(204)
	c.ada.Do("DELETE", pin(7), nil).Want(204)
	if diff := cmp.Diff([]uint64{3}, c.conversation(c.bob).Pinned); diff != "" {
		t.Error(diff)
	}
	c.ada.Do("DELETE", c.path+"/5", nil).Want(204)
	c.ada.Do("PUT", pin(5), nil).Refused(409, "retracted")
	c.ada.Do("PUT", pin(99), nil).Refused(404, "message 99")
	c.Person("cleo").Do("PUT", pin(0), nil).Refused(404, "")
	for number := range 51 { // of which 5 is retracted
		if number != 5 {
			c.ada.Do("PUT", pin(number), nil).Want(204)
		}
	}
	c.ada.Do("PUT", pin(51), nil).Refused(409, "pinned")
}
