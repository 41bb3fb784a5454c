package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Merchant is a business, as anybody sees it.
type Merchant struct {
	ID           uuid.UUID `json:"id"`
	Name         string    `json:"name"`
	RegisteredAt time.Time `json:"registeredAt"`
}

// Agent is a user who acts for a merchant.
type Agent struct {
	UserID  uuid.UUID        `json:"userId"`
	Role    events.AgentRole `json:"role"`
	AddedAt time.Time        `json:"addedAt"`
}

// CustomerLink is a customer's opt-in to a merchant.
type CustomerLink struct {
	CustomerID     uuid.UUID `json:"customerId"`
	ConversationID uuid.UUID `json:"conversationId"`
	LinkedAt       time.Time `json:"linkedAt"`
	// LeftAt is when the customer left, if they have.
	LeftAt *time.Time `json:"leftAt"`
	// Source is where the customer agreed, and Consent what to.
	Source  string `json:"source"`
	Consent string `json:"consent"`
}

// Merchants is the read model of who does business with whom.
type Merchants struct {
	journal *events.Journal
	store   *views.Store
	erased  erasures
}

func newMerchants(journal *events.Journal) *Merchants { return &Merchants{journal: journal} }

var merchantsSchema = views.Schema{
	Name:    MerchantsName,
	Version: 2,
	Tables: []views.Table{{
		Name:    "merchants",
		Columns: "id BYTEA NOT NULL, name TEXT NOT NULL, registered_at TEXT NOT NULL",
		Key:     "id",
	}, {
		Name:    "agents",
		Columns: "merchant BYTEA NOT NULL, agent BYTEA NOT NULL, role TEXT NOT NULL, added BIGINT NOT NULL, added_at TEXT NOT NULL",
		Key:     "merchant, agent",
	}, {
		Name: "customers",
		Columns: `merchant BYTEA NOT NULL,
			customer BYTEA NOT NULL,
			linked BIGINT NOT NULL,
			linked_at TEXT NOT NULL,
			left_at TEXT,
			source TEXT NOT NULL,
			consent TEXT NOT NULL`,
		Key: "merchant, customer",
	}, erasedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS agents_by_user ON agents (agent, merchant)`,
		`CREATE INDEX IF NOT EXISTS customers_by_link ON customers (merchant, linked)`,
		`CREATE INDEX IF NOT EXISTS customers_by_user ON customers (customer)`,
	},
}

var merchantFacts = kindsOf(
	new(events.MerchantRegistered), new(events.AgentAdded), new(events.AgentRemoved),
	new(events.CustomerLinked), new(events.CustomerUnlinked), new(events.UserErased),
)

func (m *Merchants) schema() views.Schema { return merchantsSchema }

func (m *Merchants) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"merchant-", "user-"}}
}

func (m *Merchants) prepare(ctx context.Context, recorded events.Recorded) (events.Event, bool, error) {
	return merchantFacts.open(ctx, m.journal, recorded)
}

func (m *Merchants) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for _, event := range items {
		if err := m.applyOne(ctx, tx, event); err != nil {
			return err
		}
	}
	return nil
}

// applyOne is idempotent: an event that an event store holds twice changes
// nothing the second time.
func (m *Merchants) applyOne(ctx context.Context, tx *views.Tx, event events.Event) error {
	at := timeText(event.Meta.OccurredAt)
	var err error
	switch fact := event.Fact.(type) {
	case *events.MerchantRegistered:
		_, err = tx.Exec(ctx, `INSERT INTO merchants (id, name, registered_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			fact.Merchant[:], fact.Name, at)
	case *events.AgentAdded:
		_, err = tx.Exec(ctx, `INSERT INTO agents (merchant, agent, role, added, added_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (merchant, agent) DO UPDATE SET role = excluded.role`,
			fact.Merchant[:], fact.User[:], string(fact.Role), int64(event.Position), at)
	case *events.AgentRemoved:
		_, err = tx.Exec(ctx, `DELETE FROM agents WHERE merchant = $1 AND agent = $2`, fact.Merchant[:], fact.User[:])
	case *events.CustomerLinked:
		var gone bool
		if gone, err = m.erased.has(ctx, tx, fact.Customer); err != nil {
			return err
		}
		if gone {
			events.Hush(fact, fact.Customer)
		}
		_, err = tx.Exec(ctx, `INSERT INTO customers (merchant, customer, linked, linked_at, source, consent) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (merchant, customer) DO UPDATE SET linked = excluded.linked, linked_at = excluded.linked_at, left_at = NULL,
			source = excluded.source, consent = excluded.consent WHERE customers.left_at IS NOT NULL`,
			fact.Merchant[:], fact.Customer[:], int64(event.Position), at, fact.Source, fact.Consent.Plain)
	case *events.CustomerUnlinked:
		_, err = tx.Exec(ctx, `UPDATE customers SET left_at = $1 WHERE merchant = $2 AND customer = $3 AND left_at IS NULL`,
			at, fact.Merchant[:], fact.Customer[:])
	case *events.UserErased:
		if _, err = m.erased.add(ctx, tx, fact.User, event.Position); err == nil {
			_, err = tx.Exec(ctx, `UPDATE customers SET consent = '' WHERE customer = $1`, fact.User[:])
		}
	}
	return err
}

func (m *Merchants) committed() {}

func (m *Merchants) reset() { m.erased.reset() }

// Get returns a merchant, or ErrNotFound.
func (m *Merchants) Get(ctx context.Context, id uuid.UUID) (Merchant, error) {
	found := Merchant{ID: id}
	var registered string
	err := m.store.QueryRow(ctx, `SELECT name, registered_at FROM merchants WHERE id = $1`, []any{id[:]}, &found.Name, &registered)
	if errors.Is(err, sql.ErrNoRows) {
		return Merchant{}, ErrNotFound
	}
	if err != nil {
		return Merchant{}, err
	}
	found.RegisteredAt, err = parseTime(registered)
	return found, err
}

// Of returns the merchants that a user acts for, by name.
func (m *Merchants) Of(ctx context.Context, agent uuid.UUID) ([]Merchant, error) {
	rows, err := m.store.Query(ctx, `SELECT m.id, m.name, m.registered_at FROM agents a JOIN merchants m ON m.id = a.merchant
		WHERE a.agent = $1 ORDER BY m.name, m.id`, agent[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []Merchant{}
	for rows.Next() {
		var id []byte
		var one Merchant
		var registered string
		if err := rows.Scan(&id, &one.Name, &registered); err != nil {
			return nil, err
		}
		if one.ID, err = idFrom(id); err != nil {
			return nil, err
		}
		if one.RegisteredAt, err = parseTime(registered); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// Agents returns who acts for a merchant, in the order in which they came.
func (m *Merchants) Agents(ctx context.Context, merchant uuid.UUID) ([]Agent, error) {
	rows, err := m.store.Query(ctx, `SELECT agent, role, added_at FROM agents WHERE merchant = $1 ORDER BY added, agent`, merchant[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []Agent{}
	for rows.Next() {
		var id []byte
		var role, added string
		if err := rows.Scan(&id, &role, &added); err != nil {
			return nil, err
		}
		one := Agent{Role: events.AgentRole(role)}
		if one.UserID, err = idFrom(id); err != nil {
			return nil, err
		}
		if one.AddedAt, err = parseTime(added); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// CustomerPage is a page of a merchant's customers, the last to opt in first.
type CustomerPage struct {
	Customers []CustomerLink `json:"customers"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// CountCustomers is how many people have opted in to a merchant, and not left.
func (m *Merchants) CountCustomers(ctx context.Context, merchant uuid.UUID) (count int, err error) {
	err = m.store.QueryRow(ctx, `SELECT COUNT(*) FROM customers WHERE merchant = $1 AND left_at IS NULL`, []any{merchant[:]}, &count)
	return count, err
}

const customerColumns = `customer, linked, linked_at, left_at, source, consent`

// Customer returns a customer's opt-in to a merchant, or ErrNotFound if there
// never was one.
func (m *Merchants) Customer(ctx context.Context, merchant, customer uuid.UUID) (CustomerLink, error) {
	rows, err := m.store.Query(ctx, `SELECT `+customerColumns+` FROM customers WHERE merchant = $1 AND customer = $2`, merchant[:], customer[:])
	if err != nil {
		return CustomerLink{}, err
	}
	links, _, err := scanCustomers(rows, merchant)
	if err == nil && len(links) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return CustomerLink{}, err
	}
	return links[0], nil
}

// Customers returns a page of those who ever opted in to a merchant. Before is
// a position in the log, exclusive, or 0 for the newest; limit is between 1
// and MaxPage.
func (m *Merchants) Customers(ctx context.Context, merchant uuid.UUID, before events.Position, limit int) (CustomerPage, error) {
	if limit < 1 || limit > MaxPage {
		return CustomerPage{}, fmt.Errorf("%w: a page has 1 to %d customers", ErrRange, MaxPage)
	}
	if before == 0 || before > newest {
		before = newest
	}
	rows, err := m.store.Query(ctx, `SELECT `+customerColumns+` FROM customers WHERE merchant = $1 AND linked < $2 ORDER BY linked DESC LIMIT $3`,
		merchant[:], int64(before), limit+1)
	if err != nil {
		return CustomerPage{}, err
	}
	links, linked, err := scanCustomers(rows, merchant)
	if err != nil {
		return CustomerPage{}, err
	}
	page := CustomerPage{Customers: links}
	if len(links) > limit {
		page.Customers = links[:limit]
		next := fmt.Sprintf("/v1/merchants/%s/customers?before=%d&limit=%d", merchant, linked[limit-1], limit)
		page.Next = &next
	}
	return page, nil
}

// scanCustomers reads rows to their end, with the position of each link.
func scanCustomers(rows *views.Rows, merchant uuid.UUID) (links []CustomerLink, linked []int64, err error) {
	defer rows.Close()
	links = []CustomerLink{}
	for rows.Next() {
		var id []byte
		var position int64
		var at string
		var left sql.NullString
		var link CustomerLink
		if err := rows.Scan(&id, &position, &at, &left, &link.Source, &link.Consent); err != nil {
			return nil, nil, err
		}
		if link.CustomerID, err = idFrom(id); err != nil {
			return nil, nil, err
		}
		link.ConversationID = events.BusinessID(merchant, link.CustomerID)
		if link.LinkedAt, err = parseTime(at); err != nil {
			return nil, nil, err
		}
		if left.Valid {
			leftAt, err := parseTime(left.String)
			if err != nil {
				return nil, nil, err
			}
			link.LeftAt = &leftAt
		}
		links, linked = append(links, link), append(linked, position)
	}
	return links, linked, rows.Err()
}
