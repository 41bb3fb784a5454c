package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Report is what somebody told the operators of a message.
type Report struct {
	ID             uuid.UUID `json:"id"`
	ConversationID uuid.UUID `json:"conversationId"`
	Number         uint64    `json:"number"`
	// ReportedBy is the participant who made it.
	ReportedBy uuid.UUID `json:"reportedBy"`
	ReportedAt time.Time `json:"reportedAt"`
	// Reason is empty if who made the report is erased.
	Reason string `json:"reason"`
	// Outcome, ResolvedBy and ResolvedAt are null while it is open. ResolvedBy
	// is the operator, as their token names them.
	Outcome    *events.ReportOutcome `json:"outcome"`
	ResolvedBy *string               `json:"resolvedBy"`
	ResolvedAt *time.Time            `json:"resolvedAt"`
	Note       string                `json:"note"`
	// Message is the message as it stands now, and Reported as it stood when it
	// was reported: with what it said, if it was retracted before or since, and
	// without reactions.
	Message  *Message `json:"message"`
	Reported *Message `json:"reported"`
}

// ReportPage is a page of reports in the order in which they were made.
type ReportPage struct {
	Reports []Report `json:"reports"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// ReportState chooses reports: all of them if it is empty.
type ReportState string

// The states of reports.
const (
	ReportOpen     ReportState = "open"
	ReportResolved ReportState = "resolved"
)

// Reports is the read model of reported messages. The messages themselves are
// in the view of conversations.
type Reports struct {
	journal       *events.Journal
	conversations *Conversations
	store         *views.Store
	// erased are the people whose reasons are shown no more. It is owned by the
	// engine.
	erased erasures
}

func newReports(journal *events.Journal, conversations *Conversations) *Reports {
	return &Reports{journal: journal, conversations: conversations}
}

var reportsSchema = views.Schema{
	Name:    ReportsName,
	Version: 1,
	Tables: []views.Table{{
		Name: "reports",
		Columns: `id BYTEA NOT NULL,
			conversation BYTEA NOT NULL,
			number BIGINT NOT NULL,
			reporter BYTEA NOT NULL,
			reason TEXT NOT NULL,
			reported BIGINT NOT NULL,
			reported_at TEXT NOT NULL,
			resolved BIGINT NOT NULL,
			outcome TEXT NOT NULL,
			resolved_by TEXT NOT NULL,
			resolved_at TEXT NOT NULL,
			note TEXT NOT NULL`,
		Key: "id",
	}, erasedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS reports_by_time ON reports (reported)`,
		`CREATE INDEX IF NOT EXISTS reports_by_state ON reports (resolved, reported)`,
		`CREATE INDEX IF NOT EXISTS reports_by_reporter ON reports (reporter)`,
	},
}

var reportFacts = kindsOf(new(events.MessageReported), new(events.ReportResolved), new(events.UserErased))

func (r *Reports) schema() views.Schema { return reportsSchema }

func (r *Reports) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"report-", "user-"}}
}

func (r *Reports) prepare(ctx context.Context, recorded events.Recorded) (events.Event, bool, error) {
	return reportFacts.open(ctx, r.journal, recorded)
}

func (r *Reports) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for _, event := range items {
		if err := r.applyOne(ctx, tx, event); err != nil {
			return err
		}
	}
	return nil
}

// applyOne is idempotent: an event that an event store holds twice changes
// nothing the second time.
func (r *Reports) applyOne(ctx context.Context, tx *views.Tx, event events.Event) error {
	at := timeText(event.Meta.OccurredAt)
	switch fact := event.Fact.(type) {
	case *events.MessageReported:
		reason, err := r.kept(ctx, tx, fact.By, fact.Reason.Plain)
		if err != nil {
			return err
		}
		return tx.Queue(ctx, `INSERT INTO reports (id, conversation, number, reporter, reason, reported, reported_at, resolved, outcome, resolved_by, resolved_at, note)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', '', '', '') ON CONFLICT DO NOTHING`,
			fact.Report[:], fact.Conversation[:], int64(fact.Number), fact.By[:], reason, int64(event.Position), at)
	case *events.ReportResolved:
		note, err := r.kept(ctx, tx, fact.Reporter, fact.Note.Plain)
		if err != nil {
			return err
		}
		return tx.Queue(ctx, `UPDATE reports SET resolved = 1, outcome = $1, resolved_by = $2, resolved_at = $3, note = $4 WHERE id = $5 AND resolved = 0`,
			string(fact.Outcome), fact.By, at, note, fact.Report[:])
	case *events.UserErased:
		if first, err := r.erased.add(ctx, tx, fact.User, event.Position); !first || err != nil {
			return err
		}
		return tx.Queue(ctx, `UPDATE reports SET reason = '', note = '' WHERE reporter = $1`, fact.User[:])
	}
	return nil
}

// kept is a person's text, or nothing if they were erased before it came.
func (r *Reports) kept(ctx context.Context, tx *views.Tx, person uuid.UUID, text string) (string, error) {
	gone, err := r.erased.has(ctx, tx, person)
	if gone {
		text = ""
	}
	return text, err
}

func (r *Reports) committed() {}

func (r *Reports) reset() { r.erased.reset() }

const (
	selectReports = `SELECT id, conversation, number, reporter, reason, reported, reported_at, resolved, outcome, resolved_by, resolved_at, note FROM reports WHERE `
	reportsOfAll  = selectReports + `reported > $1 ORDER BY reported LIMIT $2`
	reportsIn     = selectReports + `resolved = $1 AND reported > $2 ORDER BY reported LIMIT $3`
)

// Get returns a report, or ErrNotFound. Its errors are also those of the view
// of conversations.
func (r *Reports) Get(ctx context.Context, id uuid.UUID) (Report, error) {
	found, _, err := r.read(ctx, selectReports+`id = $1`, id[:])
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Report{}, err
	}
	return found[0], nil
}

// List returns a page of the reports made after a position in the log; 0
// begins. The limit is between 1 and MaxPage. The view of conversations must
// show the messages that the reports are of.
//
// Errors: ErrRange.
func (r *Reports) List(ctx context.Context, state ReportState, after events.Position, limit int) (ReportPage, error) {
	if limit < 1 || limit > MaxPage || after > newest {
		return ReportPage{}, fmt.Errorf("%w: a page has 1 to %d reports", ErrRange, MaxPage)
	}
	query, args := reportsIn, []any{1, int64(after), limit + 1}
	switch state {
	case ReportOpen:
		args[0] = 0
	case "":
		query, args = reportsOfAll, args[1:]
	}
	found, reported, err := r.read(ctx, query, args...)
	if err != nil {
		return ReportPage{}, err
	}
	page := ReportPage{Reports: found}
	if len(found) > limit {
		page.Reports = found[:limit]
		next := fmt.Sprintf("/v1/reports?after=%d&limit=%d", reported[limit-1], limit)
		if state != "" {
			next += fmt.Sprintf("&open=%t", state == ReportOpen)
		}
		page.Next = &next
	}
	return page, nil
}

// read takes a query's rows and gives each its message, then and now. It returns also where
// in the log each report stands.
func (r *Reports) read(ctx context.Context, query string, args ...any) ([]Report, []int64, error) {
	rows, err := r.store.Query(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	found, reported, err := scanReports(rows)
	if err != nil {
		return nil, nil, err
	}
	for i := range found {
		if err := r.addMessage(ctx, &found[i], events.Position(reported[i])); err != nil {
			return nil, nil, err
		}
	}
	return found, reported, nil
}

func (r *Reports) addMessage(ctx context.Context, report *Report, reported events.Position) error {
	line, err := r.conversations.MessageJSON(ctx, report.ConversationID, report.Number)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	report.Message = new(Message)
	if err := json.Unmarshal(line, report.Message); err != nil {
		return fmt.Errorf("a message in the view: %w", err)
	}
	said, err := r.conversations.wording(ctx, *report.Message, reported)
	if err != nil {
		return fmt.Errorf("message %d of %s as it was reported: %w", report.Number, report.ConversationID, err)
	}
	report.Reported = &said
	return nil
}

// scanReports reads rows to their end.
func scanReports(rows *views.Rows) (found []Report, reported []int64, err error) {
	defer rows.Close()
	found = []Report{}
	for rows.Next() {
		var one Report
		var id, conversation, reporter []byte
		var number, position, resolved int64
		var at, by, ended string
		var outcome events.ReportOutcome
		err := rows.Scan(&id, &conversation, &number, &reporter, &one.Reason, &position, &at, &resolved, &outcome, &by, &ended, &one.Note)
		if err != nil {
			return nil, nil, err
		}
		one.Number = uint64(number)
		var errs [5]error
		one.ID, errs[0] = idFrom(id)
		one.ConversationID, errs[1] = idFrom(conversation)
		one.ReportedBy, errs[2] = idFrom(reporter)
		one.ReportedAt, errs[3] = parseTime(at)
		if resolved != 0 {
			one.Outcome, one.ResolvedBy, one.ResolvedAt = &outcome, &by, new(time.Time)
			*one.ResolvedAt, errs[4] = parseTime(ended)
		}
		if err := errors.Join(errs[:]...); err != nil {
			return nil, nil, err
		}
		found, reported = append(found, one), append(reported, position)
	}
	return found, reported, rows.Err()
}
