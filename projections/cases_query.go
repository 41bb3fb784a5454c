package projections

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"parley/events/decide"
	"parley/projections/views"
)

// Case is a case of after-sales service as it stands.
type Case struct {
	ID             uuid.UUID `json:"id"`
	MerchantID     uuid.UUID `json:"merchantId"`
	CustomerID     uuid.UUID `json:"customerId"`
	ConversationID uuid.UUID `json:"conversationId"`
	Subject        string    `json:"subject"`
	// OrderID is what it is about, and Message the number of the message it was
	// opened from.
	OrderID  *uuid.UUID        `json:"orderId"`
	Message  *uint64           `json:"message"`
	OpenedBy uuid.UUID         `json:"openedBy"`
	Assignee *uuid.UUID        `json:"assignee"`
	Status   decide.CaseStatus `json:"status"`
	// Answered tells that an agent has spoken since it was opened or reopened.
	Answered bool      `json:"answered"`
	OpenedAt time.Time `json:"openedAt"`
	// FirstAnswerAt is when an agent first spoke after it was opened.
	FirstAnswerAt *time.Time `json:"firstAnswerAt"`
	ResolvedAt    *time.Time `json:"resolvedAt"`
	// Reopened counts how often it was taken up again.
	Reopened int64 `json:"reopened"`
}

// CaseView is a case with its history.
type CaseView struct {
	Case
	History []CaseEntry `json:"history"`
}

// CaseEntry is one thing that happened to a case: opened, assigned, resolved or
// reopened.
type CaseEntry struct {
	Type   string    `json:"type"`
	At     time.Time `json:"at"`
	UserID uuid.UUID `json:"userId"`
	// Assignee is to whom it was assigned.
	Assignee *uuid.UUID `json:"assignee,omitempty"`
	Note     string     `json:"note,omitempty"`
}

// CasePage is a page of cases: unanswered ones first, those that wait longest
// before the others.
type CasePage struct {
	Cases []Case `json:"cases"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// CaseList chooses cases.
type CaseList struct {
	// Merchant or Conversation is whose; one of them is set.
	Merchant, Conversation uuid.UUID
	// Status is empty for all.
	Status decide.CaseStatus
	// Cursor is empty to begin; Limit is between 1 and MaxPage.
	Cursor string
	Limit  int
}

const caseColumns = `id, merchant, customer, conversation, subject, purchase, message, opened_by, assignee, standing, since, opened, first_answer, resolved, reopened`

const (
	casesOfMerchant     = `SELECT ` + caseColumns + ` FROM cases WHERE merchant = $1 AND standing <= $2 AND (standing, since, id) > ($3, $4, $5) ORDER BY standing, since, id LIMIT $6`
	casesOfConversation = `SELECT ` + caseColumns + ` FROM cases WHERE conversation = $1 AND standing <= $2 AND (standing, since, id) > ($3, $4, $5) ORDER BY standing, since, id LIMIT $6`
)

// Get returns a case, or ErrNotFound.
func (c *Cases) Get(ctx context.Context, id uuid.UUID) (CaseView, error) {
	rows, err := c.store.Query(ctx, `SELECT `+caseColumns+` FROM cases WHERE id = $1`, id[:])
	if err != nil {
		return CaseView{}, err
	}
	found, _, err := scanCases(rows)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return CaseView{}, err
	}
	view := CaseView{Case: found[0]}
	view.History, err = c.history(ctx, id)
	return view, err
}

func (c *Cases) history(ctx context.Context, id uuid.UUID) ([]CaseEntry, error) {
	rows, err := c.store.Query(ctx, `SELECT type, at, by_user, agent, note FROM case_entries WHERE service = $1 ORDER BY entry`, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	history := []CaseEntry{}
	for rows.Next() {
		var entry CaseEntry
		var at int64
		var by, agent []byte
		if err := rows.Scan(&entry.Type, &at, &by, &agent, &entry.Note); err != nil {
			return nil, err
		}
		entry.At = time.UnixMicro(at).UTC()
		if entry.UserID, err = idFrom(by); err != nil {
			return nil, err
		}
		if entry.Assignee, err = optionalIDFrom(agent); err != nil {
			return nil, err
		}
		history = append(history, entry)
	}
	return history, rows.Err()
}

// List returns a page of cases, and the cursor of the following one if there is
// one.
//
// Errors: ErrCursor, ErrRange.
func (c *Cases) List(ctx context.Context, l CaseList) (cases []Case, next string, err error) {
	if l.Limit < 1 || l.Limit > MaxPage {
		return nil, "", fmt.Errorf("%w: a page has 1 to %d cases", ErrRange, MaxPage)
	}
	place, err := parseCaseCursor(l.Cursor)
	if err != nil {
		return nil, "", err
	}
	last := int64(rankResolved)
	switch l.Status {
	case decide.CaseOpen:
		last = rankAnswered
	case decide.CaseResolved:
		if place.standing < rankResolved {
			place = casePlace{standing: rankResolved, since: math.MinInt64}
		}
	}
	query, owner := casesOfMerchant, l.Merchant
	if l.Conversation != uuid.Nil {
		query, owner = casesOfConversation, l.Conversation
	}
	rows, err := c.store.Query(ctx, query, owner[:], last, place.standing, place.since, place.id[:], l.Limit+1)
	if err != nil {
		return nil, "", err
	}
	cases, places, err := scanCases(rows)
	if err != nil || len(cases) <= l.Limit {
		return cases, "", err
	}
	return cases[:l.Limit], places[l.Limit-1].cursor(), nil
}

// OpenOf returns a customer's open cases with a merchant, those that wait
// longest first, and at most MaxPage.
func (c *Cases) OpenOf(ctx context.Context, conversation uuid.UUID) ([]Case, error) {
	cases, _, err := c.List(ctx, CaseList{Conversation: conversation, Status: decide.CaseOpen, Limit: MaxPage})
	return cases, err
}

// casePlace is where a case stands in an inbox.
type casePlace struct {
	standing, since int64
	id              uuid.UUID
}

func (p casePlace) cursor() string {
	raw := binary.BigEndian.AppendUint64([]byte{byte(p.standing)}, uint64(p.since))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.id[:]...))
}

func parseCaseCursor(cursor string) (casePlace, error) {
	if cursor == "" {
		return casePlace{standing: rankUnanswered, since: math.MinInt64}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) != 1+8+16 {
		return casePlace{}, ErrCursor
	}
	return casePlace{int64(raw[0]), int64(binary.BigEndian.Uint64(raw[1:])), uuid.UUID(raw[9:])}, nil
}

// scanCases reads rows to their end.
func scanCases(rows *views.Rows) (cases []Case, places []casePlace, err error) {
	defer rows.Close()
	cases = []Case{}
	for rows.Next() {
		var row caseRow
		if err := rows.Scan(row.columns()...); err != nil {
			return nil, nil, err
		}
		one, err := row.shape()
		if err != nil {
			return nil, nil, err
		}
		cases, places = append(cases, one), append(places, casePlace{row.standing, row.since, one.ID})
	}
	return cases, places, rows.Err()
}

type caseRow struct {
	id, merchant, customer, conversation, order, openedBy, assignee []byte
	subject                                                         string
	message                                                         sql.NullInt64
	standing, since, opened, firstAnswer, resolved, reopened        int64
}

func (r *caseRow) columns() []any {
	return []any{&r.id, &r.merchant, &r.customer, &r.conversation, &r.subject, &r.order, &r.message, &r.openedBy,
		&r.assignee, &r.standing, &r.since, &r.opened, &r.firstAnswer, &r.resolved, &r.reopened}
}

func (r *caseRow) shape() (Case, error) {
	one := Case{
		Subject: r.subject, Status: decide.CaseOpen, Answered: r.standing == rankAnswered,
		OpenedAt: time.UnixMicro(r.opened).UTC(), FirstAnswerAt: optionalTime(r.firstAnswer), ResolvedAt: optionalTime(r.resolved), Reopened: r.reopened,
	}
	if r.standing == rankResolved {
		one.Status, one.Answered = decide.CaseResolved, r.firstAnswer > 0
	}
	if r.message.Valid {
		number := uint64(r.message.Int64)
		one.Message = &number
	}
	var errs [6]error
	one.ID, errs[0] = idFrom(r.id)
	one.MerchantID, errs[1] = idFrom(r.merchant)
	one.CustomerID, errs[2] = idFrom(r.customer)
	one.ConversationID, errs[3] = idFrom(r.conversation)
	one.OpenedBy, errs[4] = idFrom(r.openedBy)
	one.OrderID, errs[5] = optionalIDFrom(r.order)
	var err error
	one.Assignee, err = optionalIDFrom(r.assignee)
	return one, errors.Join(append(errs[:], err)...)
}

// optionalIDFrom takes an id from a column that may be null.
func optionalIDFrom(column []byte) (*uuid.UUID, error) {
	if column == nil {
		return nil, nil
	}
	id, err := idFrom(column)
	return &id, err
}

// optionalTime takes a time in microseconds, of which 0 is none.
func optionalTime(micros int64) *time.Time {
	if micros == 0 {
		return nil
	}
	t := time.UnixMicro(micros).UTC()
	return &t
}
