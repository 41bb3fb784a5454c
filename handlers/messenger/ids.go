package messenger

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
)

// Person is whom a page-scoped id names: somebody in a conversation that the
// page is in. User is zero if it is the conversation as a whole.
type Person struct {
	Conversation uuid.UUID
	User         uuid.UUID
}

// PSID is the id under which a page knows a person. A merchant has one thread
// with each of its customers, who go by their own id. An app meets people in
// many conversations, so its ids name both: whoever answers a sender answers
// into the conversation that the message came from.
func PSID(page commands.Page, p Person) string {
	switch {
	case page.Merchant != uuid.Nil:
		return p.User.String()
	case p.User == uuid.Nil:
		return p.Conversation.String()
	}
	return base64.RawURLEncoding.EncodeToString(append(p.Conversation[:], p.User[:]...))
}

// ParsePSID reads what PSID wrote, and for an app's own page a conversation's
// id too. Whether the page may reach the person is not told.
func ParsePSID(page commands.Page, psid string) (Person, bool) {
	if id, err := uuid.Parse(psid); err == nil && id.String() == psid {
		if page.Merchant != uuid.Nil {
			return Person{events.BusinessID(page.Merchant, id), id}, true
		}
		return Person{Conversation: id}, true
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(psid)
	if err != nil || len(raw) != 2*len(uuid.UUID{}) || page.Merchant != uuid.Nil {
		return Person{}, false
	}
	return Person{uuid.UUID(raw[:16]), uuid.UUID(raw[16:])}, true
}

// midPrefix begins every message's id.
const midPrefix = "m_"

// MID is the id under which pages know a message.
func MID(conversation uuid.UUID, number uint64) string {
	return midPrefix + conversation.String() + "_" + strconv.FormatUint(number, 10)
}

// ParseMID reads what MID wrote.
func ParseMID(mid string) (conversation uuid.UUID, number uint64, ok bool) {
	id, digits, _ := strings.Cut(strings.TrimPrefix(mid, midPrefix), "_")
	conversation, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, 0, false
	}
	number, err = strconv.ParseUint(digits, 10, 63)
	return conversation, number, err == nil && MID(conversation, number) == mid
}
