package projections

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// Message is a message with all that was done to it since.
type Message struct {
	ConversationID uuid.UUID `json:"conversationId"`
	// Number is the message's revision in its stream, counted from 0; numbers
	// rise but not by one.
	Number uint64    `json:"number"`
	Author uuid.UUID `json:"author"`
	// Text is empty if the message was retracted or its author forgotten.
	Text      string     `json:"text"`
	PostedAt  time.Time  `json:"postedAt"`
	EditedAt  *time.Time `json:"editedAt"`
	Retracted bool       `json:"retracted"`
	// ReplyTo is the number of the message that is answered, and not what it
	// says: a quotation would have to change in every answer, wherever it is
	// shown or kept, when what it quotes is edited or retracted. Whoever shows
	// one has the message or fetches it by its number.
	ReplyTo     *uint64      `json:"replyTo"`
	Attachments []Attachment `json:"attachments"`
	Reactions   []Reaction   `json:"reactions"`
	// App is the app that wrote this, as it was called then; Author has its
	// id as well.
	App   *AppCard   `json:"app"`
	Order *uuid.UUID `json:"order"`
	// Mentions are the participants whom the text concerns.
	Mentions []uuid.UUID `json:"mentions"`
	// Forwarded tells whose words the text is, if they are not the author's.
	Forwarded *events.Forwarded `json:"forwarded"`
	// OrderEntry is the number of the entry in the timeline of Order that the
	// message tells of.
	OrderEntry *uint64 `json:"orderEntry,omitempty"`
	// Merchant is for whom the author speaks, if it is not the customer, in a
	// business conversation. What it tells of orders has it as the author, too.
	Merchant *uuid.UUID `json:"merchant,omitempty"`
	BotParts
}

// Reaction is an emoji and those who gave it.
type Reaction struct {
	Emoji   string      `json:"emoji"`
	UserIDs []uuid.UUID `json:"userIds"`
}

// Range chooses messages of a conversation by number. Before and After are
// exclusive, and at most one of them is set; with neither it is the newest
// messages. After is -1 to begin with the first one. Limit is between 1 and
// MaxPage.
type Range struct {
	Before *uint64
	After  *int64
	Limit  int
}

// MaxPage bounds how many messages or conversations one page shows.
const MaxPage = 200

// Page is a page of messages, newest first, or oldest first if the range has
// After.
type Page struct {
	Messages []Message `json:"messages"`
	// Next is the URL path of the following page in the same direction, or
	// nil on the last one.
	Next *string `json:"next"`
}

// PageBody is a Page ready to send. Body is shared and must not be changed.
type PageBody struct {
	// Body is the JSON of a Page.
	Body []byte
	// ETag is a strong entity tag with its quotes; it changes whenever a
	// message of the conversation does.
	ETag string
}

// appendMessage appends the JSON of a message that nothing was done to yet,
// as json.Marshal writes it, which takes four times as long.
func appendMessage(line []byte, conversation uuid.UUID, event *events.Event, posted *events.MessagePosted) ([]byte, error) {
	line = appendID(append(line, `{"conversationId":`...), conversation)
	line = strconv.AppendUint(append(line, `,"number":`...), event.Revision, 10)
	line = appendID(append(line, `,"author":`...), posted.Author)
	line, err := appendText(append(line, `,"text":`...), posted.Text.Plain)
	if err != nil {
		return nil, err
	}
	line = event.Meta.OccurredAt.UTC().AppendFormat(append(line, `,"postedAt":"`...), time.RFC3339Nano)
	line = append(line, `","editedAt":null,"retracted":false,"replyTo":`...)
	if posted.ReplyTo == nil {
		line = append(line, "null"...)
	} else {
		line = strconv.AppendUint(line, *posted.ReplyTo, 10)
	}
	files := posted.Attachments
	if posted.Text.Forgotten { // whoever is forgotten is so with their files
		files = nil
	}
	if line, err = appendAttachments(append(line, `,"attachments":`...), files); err != nil {
		return nil, err
	}
	if line, err = appendApp(append(line, `,"reactions":[],"app":`...), posted.App); err != nil {
		return nil, err
	}
	line = append(line, `,"order":`...)
	if posted.Order == nil {
		line = append(line, "null"...)
	} else {
		line = appendID(line, posted.Order.Order)
	}
	line = append(line, `,"mentions":[`...)
	for i, user := range posted.Mentions {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendID(line, user)
	}
	line = append(line, `],"forwarded":`...)
	if posted.Forwarded == nil {
		line = append(line, "null"...)
	} else {
		line = append(appendID(append(line, `{"author":`...), posted.Forwarded.Author), '}')
	}
	line, err = appendBotParts(appendBusiness(line, posted), posted)
	return append(line, '}'), err
}

// appendBusiness appends what only messages of business conversations have.
func appendBusiness(line []byte, posted *events.MessagePosted) []byte {
	if posted.Order != nil {
		line = strconv.AppendUint(append(line, `,"orderEntry":`...), posted.Order.Entry, 10)
	}
	if posted.Merchant != uuid.Nil {
		line = appendID(append(line, `,"merchant":`...), posted.Merchant)
	}
	return line
}

// evolve applies a fact to a message, by the rules that decisions follow, and
// tells whether it had an effect.
func (m *Message) evolve(event *events.Event) bool {
	state := m.state()
	if !decide.EvolveMessage(&state, event.Fact) {
		return false
	}
	m.Text, m.Retracted, m.Mentions = state.Text, state.Retracted, append([]uuid.UUID{}, state.Mentions...)
	m.Reactions = make([]Reaction, len(state.Reactions))
	for i, r := range state.Reactions {
		m.Reactions[i] = Reaction{r.Emoji, r.Users}
	}
	switch event.Fact.(type) {
	case *events.MessageEdited:
		at := event.Meta.OccurredAt.UTC()
		m.EditedAt = &at
	case *events.MessageRetracted:
		m.Attachments = []Attachment{}
		m.BotParts = BotParts{}
	}
	return true
}

// Posted is a message as it was posted, by a MessagePosted or AttachmentShared
// event.
func Posted(event events.Event) (Message, error) {
	line, err := PostedJSON(event)
	if err != nil {
		return Message{}, err
	}
	return messageFrom(line)
}

// PostedJSON is Posted in the very bytes in which a page shows it.
func PostedJSON(event events.Event) ([]byte, error) {
	posted, _ := events.PostOf(event.Fact)
	return appendMessage(make([]byte, 0, 320+len(posted.Text.Plain)), posted.Conversation, &event, posted)
}

func appendAttachments(line []byte, files []events.Attachment) ([]byte, error) {
	if len(files) == 0 {
		return append(line, "[]"...), nil
	}
	attachments := make([]Attachment, len(files))
	for i, file := range files {
		attachments[i] = AttachmentOf(file.Media, file.MediaInfo, file.Name.Plain)
	}
	text, err := json.Marshal(attachments)
	return append(line, text...), err
}

func appendApp(line []byte, app *events.AppCard) ([]byte, error) {
	if app == nil {
		return append(line, "null"...), nil
	}
	text, err := json.Marshal(CardOf(*app))
	return append(line, text...), err
}

func appendID(line []byte, id uuid.UUID) []byte {
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(append(append(line, '"'), text[:]...), '"')
}

// appendText leaves text that needs escaping to encoding/json.
func appendText(line []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, err := json.Marshal(text)
			return append(line, escaped...), err
		}
	}
	return append(append(append(line, '"'), text...), '"'), nil
}

// Page returns messages of a conversation, whoever asks.
//
// Errors: ErrNotFound, ErrRange.
func (c *Conversations) Page(ctx context.Context, conversation uuid.UUID, r Range) (Page, error) {
	body, err := c.page(ctx, conversation, r)
	if err != nil {
		return Page{}, err
	}
	var page Page
	if err := json.Unmarshal(body.Body, &page); err != nil {
		return Page{}, fmt.Errorf("a page of the view: %w", err)
	}
	return page, nil
}

// MessageJSON returns one message of a conversation, whoever asks, in the very
// bytes in which a page shows it.
//
// Errors: ErrNotFound if the conversation has no message of that number.
func (c *Conversations) MessageJSON(ctx context.Context, conversation uuid.UUID, number uint64) ([]byte, error) {
	if number > newest {
		return nil, ErrNotFound
	}
	if line, recent := c.lines.get(conversation, number); recent {
		return line, nil
	}
	rows, err := c.store.Query(ctx, `SELECT lines FROM messages WHERE conversation = $1 AND first <= $2 ORDER BY first DESC LIMIT 1`, conversation[:], int64(number))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var lines sql.RawBytes // of which one is copied
	if !rows.Next() {
		return nil, cmp.Or(rows.Err(), ErrNotFound)
	}
	if err := rows.Scan(&lines); err != nil {
		return nil, err
	}
	r := run{lines: lines}
	start, end, _, found := r.find(int64(number))
	if !found {
		return nil, ErrNotFound
	}
	return bytes.Clone(lines[start:end]), nil
}

// PageJSON returns messages of a conversation to one of its participants,
// ready to send. Bodies are cached, and of several callers that ask for the
// same page at once, one reads it.
//
// Errors: ErrNotFound, ErrNotParticipant, ErrRange.
func (c *Conversations) PageJSON(ctx context.Context, conversation, viewer uuid.UUID, r Range) (PageBody, error) {
	participates, err := c.IsParticipant(ctx, conversation, viewer)
	if err != nil {
		return PageBody{}, err
	}
	if !participates {
		return PageBody{}, ErrNotParticipant
	}
	return c.page(ctx, conversation, r)
}

// AnyonesPage is PageJSON whoever asks.
//
// Errors: ErrNotFound, ErrRange.
func (c *Conversations) AnyonesPage(ctx context.Context, conversation uuid.UUID, r Range) (PageBody, error) {
	return c.page(ctx, conversation, r)
}

func (c *Conversations) page(ctx context.Context, conversation uuid.UUID, r Range) (PageBody, error) {
	if err := r.check(); err != nil {
		return PageBody{}, err
	}
	return c.cache.page(ctx, conversation, r.key(), func(ctx context.Context) (PageBody, error) {
		return c.readPage(ctx, conversation, r)
	})
}

// newest is before all newer messages than there can be.
const newest = math.MaxInt64

func (r Range) check() error {
	switch {
	case r.Limit < 1 || r.Limit > MaxPage:
		return fmt.Errorf("%w: a page has 1 to %d messages", ErrRange, MaxPage)
	case r.Before != nil && r.After != nil:
		return fmt.Errorf("%w: a page is before or after a message, not both", ErrRange)
	case r.Before != nil && *r.Before > newest, r.After != nil && (*r.After < -1 || *r.After >= newest):
		return fmt.Errorf("%w: no message has such a number", ErrRange)
	}
	return nil
}

// pageKey is a checked Range as a map's key.
type pageKey struct {
	from      int64
	ascending bool
	limit     int
}

func (r Range) key() pageKey {
	switch {
	case r.After != nil:
		return pageKey{*r.After, true, r.Limit}
	case r.Before != nil:
		return pageKey{int64(*r.Before), false, r.Limit}
	}
	return pageKey{newest, false, r.Limit}
}

func (c *Conversations) readPage(ctx context.Context, conversation uuid.UUID, r Range) (PageBody, error) {
	page := pageWriter{limit: r.Limit, ascending: r.After != nil}
	if err := page.fill(ctx, c.store, conversation, r.key()); err != nil {
		return PageBody{}, err
	}
	if page.tag == nil { // no run has a message of the page
		err := c.store.QueryRow(ctx, `SELECT changed FROM conversations WHERE id = $1`, []any{conversation[:]}, &page.tag)
		if errors.Is(err, sql.ErrNoRows) {
			err = ErrNotFound
		}
		if err != nil {
			return PageBody{}, err
		}
	}
	return PageBody{
		Body: page.finish(conversation),
		ETag: fmt.Sprintf(`"%d-%x"`, conversationsSchema.Version, *page.tag),
	}, nil
}

// Runs that hold messages after or before a number, nearest first, each with
// when the conversation changed.
const (
	runsAfter = `SELECT (SELECT changed FROM conversations WHERE id = $1), lines FROM messages WHERE conversation = $1 AND first >= COALESCE(
		(SELECT MAX(first) FROM messages WHERE conversation = $1 AND first <= $2), 0) ORDER BY first LIMIT $3`
	runsBefore = `SELECT (SELECT changed FROM conversations WHERE id = $1), lines FROM messages
		WHERE conversation = $1 AND first < $2 ORDER BY first DESC LIMIT $3`
)

// PageSQL is the statement that reads a page of the newest messages which is
// not cached, and its parameters, for measuring a database alone.
func PageSQL(conversation uuid.UUID, limit int) (statement string, parameters []any) {
	return runsBefore, []any{conversation[:], int64(newest), runsFor(limit)}
}

// runsFor is how many runs are likely to have a page's messages. A server sends
// all that it is asked for, so it is not asked for more.
func runsFor(limit int) int { return 2 + limit*2/runMessages }

// pageWriter puts the JSON of a page together from stored lines.
type pageWriter struct {
	limit     int
	ascending bool
	body      []byte
	taken     int
	edge      int64 // number of the last message taken
	more      bool
	// tag is when the conversation had changed last, as of the first run read:
	// a page may be newer than its tag, so that a reader asks once too often
	// rather than never.
	tag *int64
}

// fill reads runs until the page is full.
func (p *pageWriter) fill(ctx context.Context, store *views.Store, conversation uuid.UUID, key pageKey) error {
	p.body = append(p.body, `{"messages":[`...)
	asked := runsFor(p.limit)
	p.edge = key.from
	for {
		read, err := p.read(ctx, store, conversation, asked)
		if err != nil || read < asked || p.more {
			return err
		}
	}
}

// read takes messages of the runs next to those that were taken, and tells how
// many runs there were.
func (p *pageWriter) read(ctx context.Context, store *views.Store, conversation uuid.UUID, asked int) (runs int, err error) {
	query := runsBefore
	if p.ascending {
		query = runsAfter
	}
	rows, err := store.Query(ctx, query, conversation[:], p.edge, asked)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	from := p.edge
	for rows.Next() && !p.more {
		var lines sql.RawBytes
		var changed int64
		if err := rows.Scan(&changed, &lines); err != nil {
			return runs, err
		}
		runs++
		if p.tag == nil {
			p.tag = &changed
			p.body = slices.Grow(p.body, len(lines)+answerBytes)
		}
		if p.ascending {
			p.ascend(from, lines)
		} else {
			p.descend(from, lines)
		}
	}
	return runs, rows.Err()
}

// ascend takes a run's messages with numbers above from.
func (p *pageWriter) ascend(from int64, lines []byte) {
	for len(lines) > 0 && !p.more {
		end := bytes.IndexByte(lines, '\n')
		if number := lineNumber(lines); number > from {
			p.take(number, lines[:end])
		}
		lines = lines[end+1:]
	}
}

// descend takes a run's messages with numbers below before, the last first.
func (p *pageWriter) descend(before int64, lines []byte) {
	for len(lines) > 0 && !p.more {
		lines = lines[:len(lines)-1]
		start := bytes.LastIndexByte(lines, '\n') + 1
		if number := lineNumber(lines[start:]); number < before {
			p.take(number, lines[start:])
		}
		lines = lines[:start]
	}
}

// take adds a message, or finds that there are more than the page holds.
func (p *pageWriter) take(number int64, line []byte) {
	if p.taken == p.limit {
		p.more = true
		return
	}
	if p.taken > 0 {
		p.body = append(p.body, ',')
	}
	p.body = append(p.body, line...)
	p.taken++
	p.edge = number
}

func (p *pageWriter) finish(conversation uuid.UUID) []byte {
	if !p.more {
		return append(p.body, `],"next":null}`...)
	}
	direction := "before"
	if p.ascending {
		direction = "after"
	}
	return fmt.Appendf(p.body, `],"next":"/v1/conversations/%s/messages?%s=%d&limit=%d"}`, conversation, direction, p.edge, p.limit)
}
