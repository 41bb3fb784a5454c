package messenger_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/handlers/messenger"
)

var (
	shop = uuid.MustParse("00000000-0000-7000-8000-0000000000c0")
	app  = uuid.MustParse("00000000-0000-7000-8000-0000000000b0")
	ada  = uuid.MustParse("00000000-0000-7000-8000-00000000000a")
	room = uuid.MustParse("00000000-0000-7000-8000-0000000000aa")
)

func TestPSIDsNameWhoIsAnswered(t *testing.T) {
	merchants, own := commands.Page{App: app, Merchant: shop}, commands.Page{App: app}
	for _, c := range []struct {
		page   commands.Page
		person messenger.Person
	}{
		{merchants, messenger.Person{Conversation: events.BusinessID(shop, ada), User: ada}},
		{own, messenger.Person{Conversation: room, User: ada}},
		{own, messenger.Person{Conversation: room}},
	} {
		psid := messenger.PSID(c.page, c.person)
		if got, ok := messenger.ParsePSID(c.page, psid); !ok || got != c.person {
			t.Errorf("%q names %v, %t; want %v", psid, got, ok, c.person)
		}
	}
	foreign := messenger.PSID(own, messenger.Person{Conversation: room, User: ada})
	if _, ok := messenger.ParsePSID(merchants, foreign); ok {
		t.Error("a merchant's page takes an app's id of a person")
	}
	for _, psid := range []string{"", "USER_ID", "1256299999730577", foreign[1:], foreign + "A"} {
		if got, ok := messenger.ParsePSID(own, psid); ok {
			t.Errorf("%q is read as %v", psid, got)
		}
	}
}

func TestMIDsNameMessages(t *testing.T) {
	mid := messenger.MID(room, 7)
	if mid != "m_00000000-0000-7000-8000-0000000000aa_7" {
		t.Errorf("the mid is %q", mid)
	}
	if conversation, number, ok := messenger.ParseMID(mid); !ok || conversation != room || number != 7 {
		t.Errorf("%q names %s, %d, %t", mid, conversation, number, ok)
	}
	for _, bad := range []string{"", "m_", mid[2:], mid + "x", "m_" + room.String() + "_07", "m_" + room.String() + "_-1", "mid.1473372944816:94f72b88c597657974"} {
		if conversation, number, ok := messenger.ParseMID(bad); ok {
			t.Errorf("%q is read as message %d of %s", bad, number, conversation)
		}
	}
}
