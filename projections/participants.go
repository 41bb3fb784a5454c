package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Participant is a user who is in a conversation now.
type Participant struct {
	UserID   uuid.UUID   `json:"userId"`
	JoinedAt time.Time   `json:"joinedAt"`
	Role     events.Role `json:"role"`
	// ReadUpTo is the number of the last message that the participant has said
	// to have read or has written, and nil before the first.
	ReadUpTo *uint64 `json:"readUpTo"`
	// DeliveredUpTo is the same of what has reached one of their devices.
	DeliveredUpTo *uint64 `json:"deliveredUpTo"`
}

// Roster is a page of a conversation's participants, in the order in which
// they joined.
type Roster struct {
	Participants []Participant `json:"participants"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// InboxParticipants is how many participants of each conversation an inbox
// shows: a page of large groups must not be as large as all of them.
const InboxParticipants = 50

// participantsTable keeps who is in a conversation, in the order in which they
// joined it.
var participantsTable = views.Table{
	Name: "participants",
	Columns: `conversation BYTEA NOT NULL,
		place BIGINT NOT NULL,
		participant BYTEA NOT NULL,
		joined BIGINT NOT NULL,
		joined_at TEXT NOT NULL,
		role TEXT NOT NULL,
		read_up_to BIGINT NOT NULL,
		read_number BIGINT NOT NULL,
		delivered_number BIGINT NOT NULL,
		archived BIGINT NOT NULL,
		muted_until BIGINT NOT NULL`,
	Key: "conversation, place",
}

const participantsByUser = `CREATE UNIQUE INDEX IF NOT EXISTS participants_by_user ON participants (participant, conversation)`

// participantsArchived has those who may have put a conversation away, who are
// few.
const participantsArchived = `CREATE INDEX IF NOT EXISTS participants_archived ON participants (participant, conversation, archived) WHERE archived >= 0`

const insertParticipant = `INSERT INTO participants (conversation, place, participant, joined, joined_at, role, read_up_to, read_number, delivered_number, archived, muted_until)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`

// newcomer is the row of somebody who joins, for whom nothing that was said
// before is unread.
func (r *room) newcomer(item *roomFact, user uuid.UUID, role events.Role) []any {
	begin := unmarked(r.messages)
	return []any{
		r.id[:], r.joined, user[:], int64(item.Position), timeText(item.Meta.OccurredAt), string(role),
		begin.ordinal, begin.read, begin.delivered, newcomersPreferences.archived, newcomersPreferences.mutedUntil,
	}
}

// enter counts somebody who joined. What they marked before they were in the
// conversation is void.
func (r *room) enter(user uuid.UUID) {
	delete(r.markers, user)
	r.regrouped = append(r.regrouped, user)
	r.joined++
	r.participants++
	r.crewChanged, r.crewUnsaved = true, true
}

func (r *room) join(ctx context.Context, tx *views.Tx, item *roomFact, user uuid.UUID) error {
	added, err := tx.Exec(ctx, insertParticipant, r.newcomer(item, user, events.Member)...)
	if added > 0 {
		r.enter(user)
	}
	if err != nil {
		return err
	}
	return returned(ctx, tx, r.id, user)
}

// leave takes a user out. A group whose owner leaves goes to the admin who came
// first, or else to the member who did, as in decide.EvolveConversation.
func (r *room) leave(ctx context.Context, tx *views.Tx, item *roomFact, user uuid.UUID) error {
	var role events.Role
	err := tx.QueryRow(ctx, `SELECT role FROM participants WHERE participant = $1 AND conversation = $2`, []any{user[:], r.id[:]}, &role)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	delete(r.markers, user)
	r.regrouped = append(r.regrouped, user)
	r.participants--
	r.crewChanged, r.crewUnsaved = true, true
	if err := departed(ctx, tx, r.id, user, item.Position); err != nil {
		return err
	}
	err = tx.Queue(ctx, `DELETE FROM participants WHERE participant = $1 AND conversation = $2`, user[:], r.id[:])
	if err != nil || role != events.Owner {
		return err
	}
	return tx.Queue(ctx, `UPDATE participants SET role = $1 WHERE conversation = $2 AND place = (
		SELECT place FROM participants WHERE conversation = $2 ORDER BY CASE role WHEN $3 THEN 0 ELSE 1 END, place LIMIT 1)`,
		string(events.Owner), r.id[:], string(events.Admin))
}

func (r *room) setRole(ctx context.Context, tx *views.Tx, user uuid.UUID, role events.Role) error {
	return tx.Queue(ctx, `UPDATE participants SET role = $1 WHERE participant = $2 AND conversation = $3`, string(role), user[:], r.id[:])
}

// Participants returns a page of a conversation's participants to one of them:
// those who joined after the participant whose place is after, or the first if
// it is -1. The limit is between 1 and MaxPage.
//
// Errors: ErrNotFound, ErrNotParticipant, ErrRange.
func (c *Conversations) Participants(ctx context.Context, conversation, viewer uuid.UUID, after int64, limit int) (Roster, error) {
	if limit < 1 || limit > MaxPage || after < -1 {
		return Roster{}, fmt.Errorf("%w: a page has 1 to %d participants", ErrRange, MaxPage)
	}
	participates, err := c.IsParticipant(ctx, conversation, viewer)
	if err != nil {
		return Roster{}, err
	}
	if !participates {
		return Roster{}, ErrNotParticipant
	}
	found, places, err := c.participants(ctx, conversation, after, limit+1)
	if err != nil || len(found) <= limit {
		return Roster{Participants: found}, err
	}
	next := fmt.Sprintf("/v1/conversations/%s/participants?after=%d&limit=%d", conversation, places[limit-1], limit)
	return Roster{found[:limit], &next}, nil
}

// participants of a conversation in the order in which they came, with their
// places.
func (c *Conversations) participants(ctx context.Context, conversation uuid.UUID, after int64, limit int) ([]Participant, []int64, error) {
	rows, err := c.store.Query(ctx, `SELECT place, participant, joined_at, role, read_number, delivered_number FROM participants
		WHERE conversation = $1 AND place > $2 ORDER BY place LIMIT $3`, conversation[:], after, limit)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	found, places := []Participant{}, []int64{}
	for rows.Next() {
		var row participantRow
		var place int64
		if err := rows.Scan(append([]any{&place}, row.columns()...)...); err != nil {
			return nil, nil, err
		}
		p, err := row.shape()
		if err != nil {
			return nil, nil, err
		}
		found, places = append(found, p), append(places, place)
	}
	return found, places, rows.Err()
}

// participantRow is a participant's row.
type participantRow struct {
	id              []byte
	joined          string
	role            events.Role
	read, delivered int64
}

func (r *participantRow) columns() []any {
	return []any{&r.id, &r.joined, &r.role, &r.read, &r.delivered}
}

func (r *participantRow) shape() (p Participant, err error) {
	p = Participant{Role: r.role, ReadUpTo: shownNumber(r.read), DeliveredUpTo: shownNumber(r.delivered)}
	if p.UserID, err = idFrom(r.id); err != nil {
		return p, err
	}
	p.JoinedAt, err = parseTime(r.joined)
	return p, err
}

// firstParticipants are those that an inbox shows of some conversations. The
// last of them is found before, so that a large group's others are not read.
var (
	firstParticipants = fmt.Sprintf(`SELECT p.conversation, p.participant, p.joined_at, p.role, p.read_number, p.delivered_number
		FROM (SELECT c.id, COALESCE((SELECT q.place FROM participants q WHERE q.conversation = c.id ORDER BY q.place LIMIT 1 OFFSET %d), %d) AS last
			FROM conversations c WHERE c.id IN (`, InboxParticipants-1, int64(newest))
	lastFirstParticipants = `)) page JOIN participants p ON p.conversation = page.id AND p.place <= page.last
		ORDER BY p.conversation, p.place`
)

// crews reads the first participants of each of an inbox's conversations, by
// one query for all of them: their JSON, with commas between them.
func (c *Conversations) crews(ctx context.Context, ids []any) (map[uuid.UUID][]byte, error) {
	text, args := listed(firstParticipants, ids, lastFirstParticipants)
	found, err := c.store.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	crews := make(map[uuid.UUID][]byte, len(ids))
	var of, user, joined, role sql.RawBytes
	var read, delivered int64
	for found.Next() {
		if err := found.Scan(&of, &user, &joined, &role, &read, &delivered); err != nil {
			return nil, err
		}
		conversation, ofErr := idFrom(of)
		id, err := idFrom(user)
		if err := errors.Join(ofErr, err); err != nil {
			return nil, err
		}
		crew := crews[conversation]
		if len(crew) > 0 {
			crew = append(crew, ',')
		}
		crew = appendID(append(crew, `{"userId":`...), id)
		crew = append(append(crew, `,"joinedAt":"`...), joined...)
		crew = append(append(crew, `","role":"`...), role...)
		crew = appendShown(append(crew, `","readUpTo":`...), read)
		crews[conversation] = append(appendShown(append(crew, `,"deliveredUpTo":`...), delivered), '}')
	}
	return crews, found.Err()
}

// appendShown appends a number, or null for the -1 that stands for no message.
func appendShown(line []byte, number int64) []byte {
	if number < 0 {
		return append(line, "null"...)
	}
	return strconv.AppendInt(line, number, 10)
}

// shownNumber is nil for the -1 that stands for no message.
func shownNumber(number int64) *uint64 {
	if number < 0 {
		return nil
	}
	shown := uint64(number)
	return &shown
}
