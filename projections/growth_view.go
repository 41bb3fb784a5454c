package projections

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Growth is the read model of how many users there are and how many are
// active.
type Growth struct {
	store *views.Store
	now   func() time.Time

	// What follows is owned by the engine.

	// members and old are the users met lately. When members is full, it
	// becomes old, and who is met again moves back.
	members, old map[uuid.UUID]*member
	products     map[string]int64
	next         int64 // number of the next user, or -1 if not yet known
	chunks       map[chunkKey]*chunk
	// What the batch being applied adds to the counters.
	registrations map[registrationKey]int64
	active        map[activeKey]int64
	retained      map[retainedKey]int64
}

// member is what must be known of a user to count them.
type member struct {
	number  int64 // in the order of registration from 0, or stranger
	product int64
	// registered is the day of it.
	registered int32
	// counted is a day on which the user's activity is counted already.
	counted int32
}

const (
	stranger   = -1
	neverYet   = math.MinInt32
	membersMax = 1 << 18
	chunksMax  = 1 << 13
)

// chunk tells which of chunkUsers users with consecutive numbers were active
// in an interval, one bit each.
type chunk struct {
	bits  []byte
	dirty bool
}

const chunkUsers = 4096

type chunkKey struct {
	span   span
	start  int32
	number int64
}

type registrationKey struct {
	day     int32
	product int64
}

type activeKey struct {
	span    span
	start   int32
	product int64
}

// retainedKey is an interval in which users are active who registered in the
// same interval or an earlier one, their cohort.
type retainedKey struct {
	span    span
	cohort  int32
	start   int32
	product int64
}

// growthSchema: activity is kept as bits, so that a user who is active again
// in an interval is not counted again; what queries read are the counters.
var growthSchema = views.Schema{
	Name:    GrowthName,
	Version: 3,
	Tables: []views.Table{{
		Name:    "products",
		Columns: `id BIGINT NOT NULL, name TEXT NOT NULL`,
		Key:     "id",
	}, {
		Name:    "members",
		Columns: `id BYTEA NOT NULL, number BIGINT NOT NULL, product BIGINT NOT NULL, registered BIGINT NOT NULL`,
		Key:     "id",
	}, {
		Name:    "registrations",
		Columns: `day BIGINT NOT NULL, product BIGINT NOT NULL, users BIGINT NOT NULL`,
		Key:     "day, product",
	}, {
		Name:    "erased",
		Columns: `id BYTEA NOT NULL, product BIGINT NOT NULL, at BIGINT NOT NULL, day BIGINT NOT NULL`,
		Key:     "id",
	}, {
		Name:    "active",
		Columns: `span BIGINT NOT NULL, start BIGINT NOT NULL, product BIGINT NOT NULL, users BIGINT NOT NULL`,
		Key:     "span, start, product",
	}, {
		Name:    "retention",
		Columns: `span BIGINT NOT NULL, cohort BIGINT NOT NULL, start BIGINT NOT NULL, product BIGINT NOT NULL, users BIGINT NOT NULL`,
		Key:     "span, cohort, start, product",
	}, {
		Name:    "activity",
		Columns: `span BIGINT NOT NULL, start BIGINT NOT NULL, chunk BIGINT NOT NULL, bits BYTEA NOT NULL`,
		Key:     "span, start, chunk",
	}, keyedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS members_by_time ON members (registered, product)`,
		`CREATE INDEX IF NOT EXISTS erased_by_time ON erased (at, product)`,
	},
}

func newGrowth(now func() time.Time) *Growth {
	g := &Growth{now: now}
	g.reset()
	return g
}

func (g *Growth) schema() views.Schema { return growthSchema }

func (g *Growth) filter() events.Filter { return events.Filter{StreamPrefixes: factStreams} }

func (g *Growth) apply(ctx context.Context, tx *views.Tx, items []growthFact) error {
	for i := range items {
		if items[i].registered != nil {
			if err := g.register(ctx, tx, items[i].registered); err != nil {
				return err
			}
		}
		if err := g.act(ctx, tx, &items[i]); err != nil {
			return err
		}
		if items[i].erased != nil {
			if err := g.erase(ctx, tx, items[i].erased); err != nil {
				return err
			}
		}
	}
	return g.flush(ctx, tx)
}

func (g *Growth) register(ctx context.Context, tx *views.Tx, r *registration) error {
	if repeat, err := repeated(ctx, tx, r.user, lifecycleStream, r.id); repeat || err != nil {
		return err
	}
	product, err := g.product(ctx, tx, r.product)
	if err != nil {
		return err
	}
	if g.next < 0 {
		err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(users), 0) FROM registrations`, nil, &g.next)
		if err != nil {
			return err
		}
	}
	err = tx.Queue(ctx, `INSERT INTO members (id, number, product, registered) VALUES ($1, $2, $3, $4)`,
		r.user[:], g.next, product, r.at.UnixMicro())
	if err != nil {
		return err
	}
	g.remember(r.user, &member{g.next, product, dayOf(r.at), neverYet})
	g.registrations[registrationKey{dayOf(r.at), product}]++
	g.next++
	return nil
}

// erase counts a user out, once. They stay counted as registered and active.
func (g *Growth) erase(ctx context.Context, tx *views.Tx, e *erasure) error {
	m, err := g.member(ctx, tx, e.user)
	if err != nil || m.number == stranger {
		return err
	}
	// Nobody leaves before they came, whatever the clocks say.
	var registered int64
	if err := tx.QueryRow(ctx, `SELECT registered FROM members WHERE id = $1`, []any{e.user[:]}, &registered); err != nil {
		return err
	}
	at := time.UnixMicro(max(registered, e.at.UnixMicro()))
	return tx.Queue(ctx, `INSERT INTO erased (id, product, at, day) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		e.user[:], m.product, at.UnixMicro(), int64(dayOf(at)))
}

// product returns a product's id, which is new if nobody came by it yet.
func (g *Growth) product(ctx context.Context, tx *views.Tx, name string) (int64, error) {
	if g.products == nil {
		known, err := readProducts(ctx, tx)
		if err != nil {
			return 0, err
		}
		g.products = known
	}
	if id, known := g.products[name]; known {
		return id, nil
	}
	id := int64(len(g.products))
	g.products[name] = id
	err := tx.Queue(ctx, `INSERT INTO products (id, name) VALUES ($1, $2)`, id, name)
	return id, err
}

func readProducts(ctx context.Context, tx *views.Tx) (map[string]int64, error) {
	rows, err := tx.Query(ctx, `SELECT id, name FROM products`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := make(map[string]int64)
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		known[name] = id
	}
	return known, rows.Err()
}

// act counts a user as active in the day, the week and the month of a fact.
func (g *Growth) act(ctx context.Context, tx *views.Tx, fact *growthFact) error {
	if fact.actor == uuid.Nil {
		return nil
	}
	m, err := g.member(ctx, tx, fact.actor)
	if err != nil || m.number == stranger || m.counted == fact.day {
		return err
	}
	m.counted = fact.day
	for _, span := range spans {
		start := span.floor(fact.day)
		added, err := g.set(ctx, tx, chunkKey{span, start, m.number / chunkUsers}, m.number%chunkUsers)
		switch {
		case err != nil:
			return err
		case added:
			g.active[activeKey{span, start, m.product}]++
			if cohort := span.floor(m.registered); span != daySpan && cohort <= start {
				g.retained[retainedKey{span, cohort, start, m.product}]++
			}
		case span == daySpan:
			return nil // then the week and the month have it too
		}
	}
	return nil
}

func (g *Growth) member(ctx context.Context, tx *views.Tx, id uuid.UUID) (*member, error) {
	if m, known := g.members[id]; known {
		return m, nil
	}
	m, known := g.old[id]
	if !known {
		m = &member{number: stranger, counted: neverYet}
		var registered int64
		err := tx.QueryRow(ctx, `SELECT number, product, registered FROM members WHERE id = $1`, []any{id[:]}, &m.number, &m.product, &registered)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		m.registered = dayOf(time.UnixMicro(registered))
	}
	g.remember(id, m)
	return m, nil
}

func (g *Growth) remember(id uuid.UUID, m *member) {
	if len(g.members) >= membersMax {
		g.old, g.members = g.members, make(map[uuid.UUID]*member)
	}
	g.members[id] = m
}

// set sets a bit, and tells whether it was not set.
func (g *Growth) set(ctx context.Context, tx *views.Tx, key chunkKey, bit int64) (bool, error) {
	c, known := g.chunks[key]
	if !known {
		c = new(chunk)
		err := tx.QueryRow(ctx, `SELECT bits FROM activity WHERE span = $1 AND start = $2 AND chunk = $3`,
			[]any{int64(key.span), int64(key.start), key.number}, &c.bits)
		if errors.Is(err, sql.ErrNoRows) {
			c.bits, err = make([]byte, chunkUsers/8), nil
		}
		if err != nil {
			return false, err
		}
		g.chunks[key] = c
	}
	mask := byte(1) << (bit % 8)
	if c.bits[bit/8]&mask != 0 {
		return false, nil
	}
	c.bits[bit/8] |= mask
	c.dirty = true
	return true, nil
}

// flush writes what the batch has changed.
func (g *Growth) flush(ctx context.Context, tx *views.Tx) error {
	for key, c := range g.chunks {
		if !c.dirty {
			continue
		}
		err := tx.Queue(ctx, `INSERT INTO activity (span, start, chunk, bits) VALUES ($1, $2, $3, $4)
			ON CONFLICT (span, start, chunk) DO UPDATE SET bits = excluded.bits`,
			int64(key.span), int64(key.start), key.number, c.bits)
		if err != nil {
			return err
		}
		c.dirty = false
	}
	for key, users := range g.active {
		err := tx.Queue(ctx, `INSERT INTO active (span, start, product, users) VALUES ($1, $2, $3, $4)
			ON CONFLICT (span, start, product) DO UPDATE SET users = active.users + excluded.users`,
			int64(key.span), int64(key.start), key.product, users)
		if err != nil {
			return err
		}
	}
	for key, users := range g.registrations {
		err := tx.Queue(ctx, `INSERT INTO registrations (day, product, users) VALUES ($1, $2, $3)
			ON CONFLICT (day, product) DO UPDATE SET users = registrations.users + excluded.users`,
			int64(key.day), key.product, users)
		if err != nil {
			return err
		}
	}
	for key, users := range g.retained {
		err := tx.Queue(ctx, `INSERT INTO retention (span, cohort, start, product, users) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (span, cohort, start, product) DO UPDATE SET users = retention.users + excluded.users`,
			int64(key.span), int64(key.cohort), int64(key.start), key.product, users)
		if err != nil {
			return err
		}
	}
	clear(g.active)
	clear(g.registrations)
	clear(g.retained)
	if len(g.chunks) > chunksMax {
		clear(g.chunks)
	}
	return nil
}

func (g *Growth) committed() {}

func (g *Growth) reset() {
	g.members, g.old = make(map[uuid.UUID]*member), nil
	g.products, g.next = nil, -1
	g.chunks = make(map[chunkKey]*chunk)
	g.registrations = make(map[registrationKey]int64)
	g.active = make(map[activeKey]int64)
	g.retained = make(map[retainedKey]int64)
}
