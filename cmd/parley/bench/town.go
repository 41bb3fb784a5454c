package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/decide"
)

// town is who lives in a house while it is measured.
type town struct {
	people []person
	rooms  []uuid.UUID
}

type person struct {
	id    uuid.UUID
	token string
	// rooms are the person's conversations, as indices of town.rooms.
	rooms []int
}

// settling is how many are registered or put into conversations at a time.
const settling = 64

// settle registers people, and starts conversations with the members that are
// given as indices of people.
func settle(ctx context.Context, h *House, people int, rooms [][]int) (*town, error) {
	t := &town{people: make([]person, people), rooms: make([]uuid.UUID, len(rooms))}
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for i := range t.people {
		group.Go(func() error { return t.people[i].register(each, h, i) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("registering people: %w", err)
	}
	group, each = errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for i, members := range rooms {
		for _, member := range members {
			t.people[member].rooms = append(t.people[member].rooms, i)
		}
		group.Go(func() (err error) {
			t.rooms[i], err = t.start(each, h, i, members)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("starting conversations: %w", err)
	}
	return t, nil
}

func (p *person) register(ctx context.Context, h *House, number int) error {
	registered, err := h.Commands.Register(ctx, events.Cause{}, decide.Registration{
		Handle:      fmt.Sprintf("person%d", number),
		DisplayName: fmt.Sprintf("Person %d", number),
	})
	if err != nil {
		return err
	}
	p.id = registered.Fact.(*events.UserRegistered).User
	token, err := h.Tokens.Issue(p.id.String(), nil, 24*time.Hour)
	p.token = token.Token
	return err
}

func (t *town) start(ctx context.Context, h *House, number int, members []int) (uuid.UUID, error) {
	b := decide.Beginning{Kind: events.Group, Title: fmt.Sprintf("Room %d", number), Starter: t.people[members[0]].id}
	for _, member := range members[1:] {
		b.Others = append(b.Others, t.people[member].id)
	}
	started, _, err := h.Commands.Start(ctx, events.Cause{Actor: b.Starter.String()}, b)
	if err != nil {
		return uuid.Nil, err
	}
	return started.Fact.(*events.ConversationStarted).Conversation, nil
}

// circles has each person in a few neighbouring rooms, and nobody's room
// empty.
func circles(people, rooms int) [][]int {
	const each = 4
	members := make([][]int, rooms)
	for person := range people {
		for k := range min(each, rooms) {
			room := (person + k) % rooms
			members[room] = append(members[room], person)
		}
	}
	for room := range members {
		if len(members[room]) == 0 {
			members[room] = []int{room % people}
		}
	}
	return members
}

var words = strings.Fields(`a about after again all also and any are around as at back be because but by
	café call can come could day did do dinner does down even find first for from get give go good grüße
	had have he her here him his how I if in into is it its just know like little look make man many me
	more my naïve never new no not now of on one only or other our out over people say see she so some
	take tell than that the their them then there these they thing think this time to tomorrow two up
	us very want was way we well went were what when which who why will with work would year yes you
	your "quoted" 🏕️ 👍 8:14 привет`)

// chatter is text of about size bytes, as people write it.
func chatter(random *rand.Rand, size int) string {
	var text strings.Builder
	for text.Len() < size {
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(words[random.IntN(len(words))])
	}
	return text.String()
}

// request is a whole HTTP request, ready to send.
func request(method, host, path, token string, body []byte) []byte {
	var r strings.Builder
	fmt.Fprintf(&r, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, host, token)
	if body != nil {
		fmt.Fprintf(&r, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	r.WriteString("\r\n")
	return slices.Concat([]byte(r.String()), body)
}
