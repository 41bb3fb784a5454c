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

// User is a registered user. Handle and DisplayName are empty once the user
// is erased.
type User struct {
	ID           uuid.UUID `json:"id"`
	Handle       string    `json:"handle"`
	DisplayName  string    `json:"displayName"`
	Product      string    `json:"product"`
	RegisteredAt time.Time `json:"registeredAt"`
	// ErasedAt is when the user left for good, if they have.
	ErasedAt *time.Time `json:"erasedAt"`
}

// Users is the read model of who is registered.
type Users struct {
	journal *events.Journal
	store   *views.Store
}

func newUsers(journal *events.Journal) *Users { return &Users{journal: journal} }

var usersSchema = views.Schema{
	Name:    UsersName,
	Version: 4,
	Tables: []views.Table{{
		Name: "users",
		Columns: `id BYTEA NOT NULL,
			handle TEXT NOT NULL,
			display_name TEXT NOT NULL,
			product TEXT NOT NULL,
			registered_at TEXT NOT NULL,
			erased_at TEXT NOT NULL`,
		Key: "id",
	}, blocksTable, keyedTable},
	Indexes: []string{`CREATE INDEX IF NOT EXISTS blocks_of ON blocks (blocked, blocker)`},
}

var userFacts = kindsOf(
	new(events.UserRegistered), new(events.ProfileChanged), new(events.UserErased),
	new(events.UserBlocked), new(events.UserUnblocked),
)

func (u *Users) schema() views.Schema { return usersSchema }

func (u *Users) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"user-"}}
}

func (u *Users) prepare(ctx context.Context, recorded events.Recorded) (events.Event, bool, error) {
	return userFacts.open(ctx, u.journal, recorded)
}

func (u *Users) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for _, event := range items {
		var err error
		switch fact := event.Fact.(type) {
		case *events.UserRegistered:
			err = registerUser(ctx, tx, event, fact)
		case *events.ProfileChanged:
			err = changeProfile(ctx, tx, event, fact)
		case *events.UserErased:
			err = eraseUser(ctx, tx, event, fact)
		case *events.UserBlocked:
			err = block(ctx, tx, event, fact)
		case *events.UserUnblocked:
			err = unblock(ctx, tx, event, fact)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func registerUser(ctx context.Context, tx *views.Tx, event events.Event, fact *events.UserRegistered) error {
	if repeat, err := repeated(ctx, tx, fact.User, lifecycleStream, event.ID); repeat || err != nil {
		return err
	}
	err := tx.Queue(ctx, `INSERT INTO users (id, handle, display_name, product, registered_at, erased_at) VALUES ($1, $2, $3, $4, $5, '')`,
		fact.User[:], fact.Handle.Plain, fact.DisplayName.Plain, fact.Product, timeText(event.Meta.OccurredAt))
	return err
}

func changeProfile(ctx context.Context, tx *views.Tx, event events.Event, fact *events.ProfileChanged) error {
	if repeat, err := repeated(ctx, tx, fact.User, lifecycleStream, event.ID); repeat || err != nil {
		return err
	}
	changed, err := tx.Exec(ctx, `UPDATE users SET display_name = CASE erased_at WHEN '' THEN $1 ELSE '' END WHERE id = $2`, fact.DisplayName.Plain, fact.User[:])
	if err == nil && changed == 0 {
		err = fmt.Errorf("user %s was never registered", fact.User)
	}
	return err
}

// eraseUser takes a user's names out of the view, and whom they block or are
// blocked by.
func eraseUser(ctx context.Context, tx *views.Tx, event events.Event, fact *events.UserErased) error {
	err := tx.Queue(ctx, `UPDATE users SET handle = '', display_name = '', erased_at = $1 WHERE id = $2 AND erased_at = ''`,
		timeText(event.Meta.OccurredAt), fact.User[:])
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `DELETE FROM blocks WHERE blocker = $1 OR blocked = $2`, fact.User[:], fact.User[:])
}

func (u *Users) committed() {}

func (u *Users) reset() {}

// Get returns a user, or ErrNotFound.
func (u *Users) Get(ctx context.Context, id uuid.UUID) (User, error) {
	user := User{ID: id}
	var registered, erased string
	err := u.store.QueryRow(ctx, `SELECT handle, display_name, product, registered_at, erased_at FROM users WHERE id = $1`,
		[]any{id[:]}, &user.Handle, &user.DisplayName, &user.Product, &registered, &erased)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, ErrNotFound
	}
	if err != nil {
		return User{}, err
	}
	if erased != "" {
		at, err := parseTime(erased)
		if err != nil {
			return User{}, err
		}
		user.ErasedAt = &at
	}
	user.RegisteredAt, err = parseTime(registered)
	return user, err
}

// GetMany returns the users among ids that exist, by their id.
func (u *Users) GetMany(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]User, error) {
	users := make(map[uuid.UUID]User, len(ids))
	for _, id := range ids {
		user, err := u.Get(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		users[id] = user
	}
	return users, nil
}
