package webhooks

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events"
	"parley/events/commands"
	"parley/projections/views"
)

// route is an app that may be told what happens in a conversation, and as which
// page.
type route struct {
	page   commands.Page
	grants []events.Grant
	// since is the number of the first message that the app may see.
	since uint64
	// customer is whom a merchant's page speaks with.
	customer uuid.UUID
	// standby: another app answers in this thread.
	standby bool
}

func (r route) may(grant events.Grant) bool { return slices.Contains(r.grants, grant) }

// routesKept bounds of how many conversations, and pages, is kept at hand what
// the store has.
const routesKept = 100_000

// routes finds a conversation's routes, and which fields they were asked for.
// It belongs to one goroutine, that of the ledger.
type routes struct {
	known  *lru.Cache[uuid.UUID, []route]
	chosen *lru.Cache[commands.Page, choice]
}

func newRoutes() *routes { return &routes{kept[uuid.UUID, []route](), kept[commands.Page, choice]()} }

func kept[K comparable, V any]() *lru.Cache[K, V] {
	cache, err := lru.New[K, V](routesKept)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return cache
}

// of returns the routes of a conversation as the store has them.
func (r *routes) of(ctx context.Context, q querier, conversation uuid.UUID) ([]route, error) {
	if known, ok := r.known.Get(conversation); ok {
		return known, nil
	}
	found, err := routesOf(ctx, q, conversation)
	if err == nil {
		r.known.Add(conversation, found)
	}
	return found, err
}

// routesOf reads a conversation's routes. An app that speaks for the merchant
// of a conversation is told as that alone.
func routesOf(ctx context.Context, q querier, conversation uuid.UUID) ([]route, error) {
	installed, err := all(ctx, q, scanInstall, `SELECT app, grants, since FROM installs WHERE conversation = $1 ORDER BY app`, conversation[:])
	if err != nil {
		return nil, err
	}
	rooms, err := all(ctx, q, scanIDs, `SELECT merchant, customer FROM rooms WHERE conversation = $1`, conversation[:])
	if err != nil || len(rooms) == 0 {
		return installed, err
	}
	connected, err := connectionsOf(ctx, q, rooms[0][0])
	if err != nil {
		return nil, err
	}
	owner, err := threadOwner(ctx, q, conversation, connected)
	for i := range connected {
		connected[i].customer = rooms[0][1]
		connected[i].standby = connected[i].page.App != owner
	}
	guests := slices.DeleteFunc(installed, func(guest route) bool {
		return slices.ContainsFunc(connected, func(c route) bool { return c.page.App == guest.page.App })
	})
	return append(connected, guests...), err
}

// threadOwner is the app that answers in a thread: the one that it was given
// to, if that is still connected, or the first one. It is zero if the agents do.
func threadOwner(ctx context.Context, q querier, conversation uuid.UUID, connected []route) (uuid.UUID, error) {
	given, err := all(ctx, q, scanID, `SELECT app FROM threads WHERE conversation = $1`, conversation[:])
	if err != nil {
		return uuid.Nil, err
	}
	for _, app := range given {
		if app == uuid.Nil || slices.ContainsFunc(connected, func(c route) bool { return c.page.App == app }) {
			return app, nil
		}
	}
	if len(connected) == 0 {
		return uuid.Nil, nil
	}
	return connected[0].page.App, nil
}

// connectionsOf are the apps that speak for a merchant, the first one first.
func connectionsOf(ctx context.Context, q querier, merchant uuid.UUID) ([]route, error) {
	type connection struct {
		route
		since int64
	}
	found, err := all(ctx, q, func(rows *views.Rows) (c connection, err error) {
		var app []byte
		var grants string
		err = rows.Scan(&app, &grants, &c.since)
		if err == nil {
			c.route = route{page: commands.Page{App: uuid.UUID(app), Merchant: merchant}, grants: grantsFrom(grants)}
		}
		return c, err
	}, `SELECT app, grants, connected FROM connections WHERE merchant = $1`, merchant[:])
	slices.SortFunc(found, func(a, b connection) int { return cmp.Compare(a.since, b.since) })
	routes := make([]route, len(found))
	for i := range found {
		routes[i] = found[i].route
	}
	return routes, err
}

func scanInstall(rows *views.Rows) (r route, err error) {
	var app []byte
	var grants string
	var since int64
	if err := rows.Scan(&app, &grants, &since); err != nil {
		return r, err
	}
	return route{page: commands.Page{App: uuid.UUID(app)}, grants: grantsFrom(grants), since: uint64(since)}, nil
}

func scanID(rows *views.Rows) (id uuid.UUID, err error) {
	var column []byte
	if err := rows.Scan(&column); err != nil {
		return id, err
	}
	return idFrom(column)
}

func scanIDs(rows *views.Rows) (ids [2]uuid.UUID, err error) {
	var first, second []byte
	if err := rows.Scan(&first, &second); err != nil {
		return ids, err
	}
	one, firstErr := idFrom(first)
	other, secondErr := idFrom(second)
	return [2]uuid.UUID{one, other}, errors.Join(firstErr, secondErr)
}

func idFrom(column []byte) (uuid.UUID, error) { return uuid.FromBytes(column) }

func grantsFrom(text string) []events.Grant {
	var grants []events.Grant
	for _, grant := range strings.Fields(text) {
		grants = append(grants, events.Grant(grant))
	}
	return grants
}

// joined is a list of names as a column keeps it.
func joined[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, " ")
}
