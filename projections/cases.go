package projections

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Cases is the read model of after-sales service: what customers complained
// about, and how long it took to help them.
type Cases struct {
	journal *events.Journal
	store   *views.Store
	erased  erasures
}

func newCases(journal *events.Journal) *Cases { return &Cases{journal: journal} }

// Ranks of a case in an agent's inbox: what nobody has answered comes first.
const (
	rankUnanswered = iota
	rankAnswered
	rankResolved
)

// Times are microseconds since 1970, and 0 where nothing happened yet. Since
// when an unanswered case waits is when it was opened or reopened; an answered
// one has its last answer, a resolved one its end.
var casesSchema = views.Schema{
	Name:    CasesName,
	Version: 2,
	Tables: []views.Table{{
		Name: "cases",
		Columns: `id BYTEA NOT NULL,
			merchant BYTEA NOT NULL,
			customer BYTEA NOT NULL,
			conversation BYTEA NOT NULL,
			subject TEXT NOT NULL,
			purchase BYTEA,
			message BIGINT,
			opened_by BYTEA NOT NULL,
			assignee BYTEA,
			standing BIGINT NOT NULL,
			since BIGINT NOT NULL,
			opened BIGINT NOT NULL,
			first_answer BIGINT NOT NULL,
			resolved BIGINT NOT NULL,
			reopened BIGINT NOT NULL`,
		Key: "id",
	}, {
		Name: "case_entries",
		Columns: `service BYTEA NOT NULL,
			entry BIGINT NOT NULL,
			type TEXT NOT NULL,
			at BIGINT NOT NULL,
			by_user BYTEA NOT NULL,
			agent BYTEA,
			note TEXT NOT NULL`,
		Key: "service, entry",
	}, erasedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS cases_by_merchant ON cases (merchant, standing, since, id)`,
		`CREATE INDEX IF NOT EXISTS cases_by_conversation ON cases (conversation, standing, since, id)`,
		`CREATE INDEX IF NOT EXISTS cases_by_opening ON cases (merchant, opened)`,
		`CREATE INDEX IF NOT EXISTS cases_by_customer ON cases (customer)`,
	},
}

var caseFacts = kindsOf(
	new(events.CaseOpened), new(events.CaseAssigned), new(events.CaseResolved), new(events.CaseReopened),
	new(events.MessagePosted), new(events.UserErased),
)

func (c *Cases) schema() views.Schema { return casesSchema }

func (c *Cases) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"case-", "messages-", "user-"}}
}

var spokenFor = []byte(`"merchant":"`)

// prepare passes over messages that are not a merchant's, and over those that
// tell of an order, without decoding them: they are most of what a log holds.
func (c *Cases) prepare(ctx context.Context, recorded events.Recorded) (events.Event, bool, error) {
	if recorded.Type == messagePosted && (!bytes.Contains(recorded.Data, spokenFor) || bytes.Contains(recorded.Data, ofOrder)) {
		return events.Event{}, false, nil
	}
	event, needed, err := caseFacts.open(ctx, c.journal, recorded)
	if posted, ok := event.Fact.(*events.MessagePosted); ok {
		needed = posted.Merchant != uuid.Nil && posted.Order == nil
	}
	return event, needed, err
}

var messagePosted = events.TypeOf(new(events.MessagePosted))

func (c *Cases) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for _, event := range items {
		if err := c.applyOne(ctx, tx, event); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cases) applyOne(ctx context.Context, tx *views.Tx, event events.Event) error {
	at := event.Meta.OccurredAt.UnixMicro()
	switch fact := event.Fact.(type) {
	case *events.MessagePosted:
		return answerCases(ctx, tx, fact.Conversation, at)
	case *events.UserErased:
		return c.erase(ctx, tx, fact.User, event.Position)
	}
	step := event.Fact.(events.CaseFact).Step()
	if gone, err := c.erased.has(ctx, tx, step.Customer); err != nil {
		return err
	} else if gone {
		events.Hush(event.Fact, step.Customer)
	}
	var changed int64
	var err error
	entry := caseEntry{number: event.Revision, at: at}
	switch fact := event.Fact.(type) {
	case *events.CaseOpened:
		entry.kind = "opened"
		changed, err = openCase(ctx, tx, at, fact)
	case *events.CaseAssigned:
		entry.kind, entry.agent = "assigned", fact.Agent
		changed, err = tx.Exec(ctx, `UPDATE cases SET assignee = $1 WHERE id = $2`, optionalID(fact.Agent), step.Case[:])
	case *events.CaseResolved:
		entry.kind, entry.note = "resolved", fact.Note.Plain
		changed, err = tx.Exec(ctx, `UPDATE cases SET standing = $1, since = $2, resolved = $3 WHERE id = $4`, rankResolved, at, at, step.Case[:])
	case *events.CaseReopened:
		entry.kind, entry.note = "reopened", fact.Note.Plain
		changed, err = tx.Exec(ctx, `UPDATE cases SET standing = $1, since = $2, resolved = 0, reopened = reopened + 1 WHERE id = $3`, rankUnanswered, at, step.Case[:])
	}
	if err == nil && changed == 0 {
		err = fmt.Errorf("case %s was never opened", step.Case)
	}
	if err != nil {
		return err
	}
	return entry.store(ctx, tx, step)
}

func openCase(ctx context.Context, tx *views.Tx, at int64, fact *events.CaseOpened) (int64, error) {
	conversation := events.BusinessID(fact.Merchant, fact.Customer)
	var message any
	if fact.Message != nil {
		message = int64(*fact.Message)
	}
	return tx.Exec(ctx, `INSERT INTO cases (id, merchant, customer, conversation, subject, purchase, message, opened_by, standing, since, opened, first_answer, resolved, reopened)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0)`,
		fact.Case[:], fact.Merchant[:], fact.Customer[:], conversation[:], fact.Subject.Plain, optionalID(fact.Order), message, fact.By[:], rankUnanswered, at, at)
}

// answerCases counts what an agent says in a conversation as the answer to all
// its cases that wait for one.
func answerCases(ctx context.Context, tx *views.Tx, conversation uuid.UUID, at int64) error {
	_, err := tx.Exec(ctx, `UPDATE cases SET first_answer = CASE WHEN first_answer = 0 THEN $1 ELSE first_answer END, since = $2, standing = $3
		WHERE conversation = $4 AND standing = $5`, at, at, rankAnswered, conversation[:], rankUnanswered)
	return err
}

// caseEntry is one thing that happened to a case.
type caseEntry struct {
	number uint64
	kind   string
	at     int64
	agent  uuid.UUID
	note   string
}

func (e caseEntry) store(ctx context.Context, tx *views.Tx, step *events.CaseStep) error {
	_, err := tx.Exec(ctx, `INSERT INTO case_entries (service, entry, type, at, by_user, agent, note) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		step.Case[:], int64(e.number), e.kind, e.at, step.By[:], optionalID(e.agent), e.note)
	return err
}

// optionalID is a column's value for an id that may be none.
func optionalID(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

// erase takes a customer's words out of their cases.
func (c *Cases) erase(ctx context.Context, tx *views.Tx, person uuid.UUID, at events.Position) error {
	if _, err := c.erased.add(ctx, tx, person, at); err != nil {
		return err
	}
	if err := tx.Queue(ctx, `UPDATE cases SET subject = '' WHERE customer = $1`, person[:]); err != nil {
		return err
	}
	return tx.Queue(ctx, `UPDATE case_entries SET note = '' WHERE service IN (SELECT id FROM cases WHERE customer = $1)`, person[:])
}

func (c *Cases) committed() {}

func (c *Cases) reset() { c.erased.reset() }
