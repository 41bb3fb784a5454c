package projections

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// App is an app as the directory shows it.
type App struct {
	AppCard
	Owner       uuid.UUID `json:"owner"`
	Description string    `json:"description"`
	Website     string    `json:"website"`
	// Grants are what the app asks for when it is installed.
	Grants []events.Grant `json:"grants"`
	// Published apps are in the directory.
	Published bool `json:"published"`
	// Suspended tells why the app was stopped, or is null.
	Suspended *string `json:"suspended"`
	// Installs counts the conversations that the app is in now.
	Installs     uint64    `json:"installs"`
	RegisteredAt time.Time `json:"registeredAt"`
}

// AppCard is an app as it stands beside what it did.
type AppCard struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	// Icon is the path of an image, or null.
	Icon *string `json:"icon"`
}

// CardOf is an app's card as it is shown.
func CardOf(card events.AppCard) AppCard {
	shown := AppCard{ID: card.ID, Name: card.Name}
	if card.Icon != nil {
		path := IconPath(card.ID)
		shown.Icon = &path
	}
	return shown
}

// IconPath is where an app's icon is read.
func IconPath(app uuid.UUID) string { return "/v1/apps/" + app.String() + "/icon" }

// Installed is an app in a conversation.
type Installed struct {
	App AppCard `json:"app"`
	// Grants are what the app may do there.
	Grants      []events.Grant `json:"grants"`
	InstalledBy uuid.UUID      `json:"installedBy"`
	InstalledAt time.Time      `json:"installedAt"`
	// Suspended tells why the app was stopped everywhere, or is null.
	Suspended *string `json:"suspended"`
}

// Directory is a page of apps, by name.
type Directory struct {
	Apps []App `json:"apps"`
	// Next is the cursor of the following page, or nil on the last one.
	Next *string `json:"next"`
}

const appColumns = `id, owner, name, description, website, icon, grants, published, suspended, registered_at, installs`

// Get returns an app, published or not. ErrNotFound if there is none.
func (a *Apps) Get(ctx context.Context, id uuid.UUID) (App, error) {
	var row appRow
	err := a.store.QueryRow(ctx, `SELECT `+appColumns+` FROM apps WHERE id = $1`, []any{id[:]}, row.columns()...)
	if errors.Is(err, sql.ErrNoRows) {
		return App{}, ErrNotFound
	}
	if err != nil {
		return App{}, err
	}
	return row.app()
}

// Search returns published apps whose name or description has a text, by name.
// The cursor is the last one's id, or empty to begin.
//
// Errors: ErrCursor, ErrRange.
func (a *Apps) Search(ctx context.Context, text, cursor string, limit int) (Directory, error) {
	if limit < 1 || limit > MaxPage {
		return Directory{}, fmt.Errorf("%w: a page has 1 to %d apps", ErrRange, MaxPage)
	}
	place, after, err := a.place(ctx, cursor)
	if err != nil {
		return Directory{}, err
	}
	apps, err := a.list(ctx, `SELECT `+appColumns+` FROM apps
		WHERE published = 1 AND suspended = '' AND sought LIKE $1 ESCAPE '\' AND (sought, id) > ($2, $3) ORDER BY sought, id LIMIT $4`,
		"%"+escapeLike(strings.ToLower(text))+"%", place, after, limit+1)
	if err != nil {
		return Directory{}, err
	}
	found := Directory{Apps: apps}
	if len(apps) > limit {
		found.Apps = apps[:limit]
		next := apps[limit-1].ID.String()
		found.Next = &next
	}
	return found, nil
}

// place is where in the list a cursor stands.
func (a *Apps) place(ctx context.Context, cursor string) (string, []byte, error) {
	if cursor == "" {
		return "", []byte{}, nil
	}
	id, err := uuid.Parse(cursor)
	if err != nil {
		return "", nil, ErrCursor
	}
	var place string
	err = a.store.QueryRow(ctx, `SELECT sought FROM apps WHERE id = $1`, []any{id[:]}, &place)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrCursor
	}
	return place, id[:], err
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func escapeLike(text string) string { return likeEscapes.Replace(text) }

// OwnedBy returns a user's own apps, published or not, by name.
func (a *Apps) OwnedBy(ctx context.Context, owner uuid.UUID) ([]App, error) {
	return a.list(ctx, `SELECT `+appColumns+` FROM apps WHERE owner = $1 ORDER BY sought, id`, owner[:])
}

func (a *Apps) list(ctx context.Context, query string, args ...any) ([]App, error) {
	rows, err := a.store.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []App{}
	for rows.Next() {
		var row appRow
		if err := rows.Scan(row.columns()...); err != nil {
			return nil, err
		}
		app, err := row.app()
		if err != nil {
			return nil, err
		}
		found = append(found, app)
	}
	return found, rows.Err()
}

type appRow struct {
	id, owner, icon            []byte
	name, description, website string
	grants, suspended, since   string
	published, installs        int64
}

func (r *appRow) columns() []any {
	return []any{&r.id, &r.owner, &r.name, &r.description, &r.website, &r.icon, &r.grants, &r.published, &r.suspended, &r.since, &r.installs}
}

func (r *appRow) app() (App, error) {
	card, err := cardFrom(r.id, r.name, r.icon)
	if err != nil {
		return App{}, err
	}
	app := App{
		AppCard: card, Description: r.description, Website: r.website,
		Published: r.published == 1, Suspended: reason(r.suspended), Installs: uint64(r.installs),
	}
	if app.Owner, err = idFrom(r.owner); err != nil {
		return App{}, err
	}
	if app.RegisteredAt, err = parseTime(r.since); err != nil {
		return App{}, err
	}
	app.Grants, err = grantsFrom(r.grants)
	return app, err
}

func cardFrom(column []byte, name string, icon []byte) (AppCard, error) {
	id, err := idFrom(column)
	if err != nil || icon == nil {
		return AppCard{ID: id, Name: name}, err
	}
	path := IconPath(id)
	return AppCard{id, name, &path}, nil
}

func grantsFrom(text string) ([]events.Grant, error) {
	grants := []events.Grant{}
	if err := json.Unmarshal([]byte(text), &grants); err != nil {
		return nil, fmt.Errorf("grants in the view: %w", err)
	}
	if grants == nil {
		grants = []events.Grant{}
	}
	return grants, nil
}

func reason(suspended string) *string {
	if suspended == "" {
		return nil
	}
	return &suspended
}

// In returns the apps of a conversation, whoever asks, in the order in which
// they came.
func (a *Apps) In(ctx context.Context, conversation uuid.UUID) ([]Installed, error) {
	rows, err := a.store.Query(ctx, `SELECT a.id, a.name, a.icon, a.suspended, i.grants, i.installed_by, i.installed_at
		FROM installs i JOIN apps a ON a.id = i.app WHERE i.conversation = $1 ORDER BY i.installed_at, a.id`, conversation[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []Installed{}
	for rows.Next() {
		in, err := installedFrom(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, in)
	}
	return found, rows.Err()
}

// SpokenIn returns the conversations in which an app has said something since a
// time's day, at most as many as the limit.
func (a *Apps) SpokenIn(ctx context.Context, app uuid.UUID, since time.Time, limit int) (conversations []uuid.UUID, err error) {
	rows, err := a.store.Query(ctx, `SELECT DISTINCT conversation FROM spoken WHERE app = $1 AND day >= $2 LIMIT $3`, app[:], int64(dayOf(since)), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		conversation, err := uuid.FromBytes(id)
		if err != nil {
			return nil, err
		}
		conversations = append(conversations, conversation)
	}
	return conversations, rows.Err()
}

func installedFrom(rows *views.Rows) (Installed, error) {
	var id, icon, by []byte
	var name, suspended, grants, at string
	if err := rows.Scan(&id, &name, &icon, &suspended, &grants, &by, &at); err != nil {
		return Installed{}, err
	}
	card, err := cardFrom(id, name, icon)
	if err != nil {
		return Installed{}, err
	}
	in := Installed{App: card, Suspended: reason(suspended)}
	if in.InstalledBy, err = idFrom(by); err != nil {
		return Installed{}, err
	}
	if in.InstalledAt, err = parseTime(at); err != nil {
		return Installed{}, err
	}
	in.Grants, err = grantsFrom(grants)
	return in, err
}

// AppUsage is how much an app was used, day by day. Days on which nothing
// happened are left out.
type AppUsage struct {
	App    uuid.UUID  `json:"app"`
	Points []AppPoint `json:"points"`
}

// AppPoint is one day of an app's, in UTC.
type AppPoint struct {
	Day string `json:"day" format:"date"`
	// Installs counts the conversations that the app was in at the day's end.
	Installs int64 `json:"installs"`
	Added    int64 `json:"added"`
	Removed  int64 `json:"removed"`
	// Conversations counts those in which the app said something.
	Conversations int64 `json:"conversations"`
	// Messages counts what it said, and Attachments what it shared.
	Messages    int64 `json:"messages"`
	Attachments int64 `json:"attachments"`
}

// Usage returns an app's days from one to before another.
func (a *Apps) Usage(ctx context.Context, app uuid.UUID, from, to time.Time) (AppUsage, error) {
	usage := AppUsage{App: app, Points: []AppPoint{}}
	err := a.store.Snapshot(ctx, func(tx *views.Tx) error {
		var installs int64
		err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(added - removed), 0) FROM usage WHERE app = $1 AND day < $2`,
			[]any{app[:], int64(dayOf(from))}, &installs)
		if err != nil {
			return err
		}
		usage.Points, err = usagePoints(ctx, tx, app, from, to, installs)
		return err
	})
	return usage, err
}

func usagePoints(ctx context.Context, tx *views.Tx, app uuid.UUID, from, to time.Time, installs int64) ([]AppPoint, error) {
	rows, err := tx.Query(ctx, `SELECT day, added, removed, conversations, messages, attachments FROM usage
		WHERE app = $1 AND day >= $2 AND day < $3 ORDER BY day`, app[:], int64(dayOf(from)), lastDay(to))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	points := []AppPoint{}
	for rows.Next() {
		var day int64
		var p AppPoint
		if err := rows.Scan(&day, &p.Added, &p.Removed, &p.Conversations, &p.Messages, &p.Attachments); err != nil {
			return nil, err
		}
		installs += p.Added - p.Removed
		p.Installs, p.Day = installs, time.Unix(day*86400, 0).UTC().Format(time.DateOnly)
		points = append(points, p)
	}
	return points, rows.Err()
}

// lastDay is the first day that begins at a time or after it.
func lastDay(to time.Time) int64 {
	return int64(math.Ceil(float64(to.Unix()) / 86400))
}

// AppRanking compares published apps, fastest-growing first: those that were
// nowhere before, then by percent.
type AppRanking struct {
	Apps []AppGrowth `json:"apps"`
}

// AppGrowth is how an app spread between two days.
type AppGrowth struct {
	App AppCard `json:"app"`
	// Installs counts the conversations that it was in at the end.
	Installs int64 `json:"installs"`
	Added    int64 `json:"added"`
	// GrowthPercent is null if the app was nowhere at the beginning.
	GrowthPercent *float64 `json:"growthPercent"`
}

// Ranking compares how many conversations each app was in on two days.
func (a *Apps) Ranking(ctx context.Context, from, to time.Time, limit int) (AppRanking, error) {
	if from.After(to) {
		return AppRanking{}, fmt.Errorf("%w: it ends before it begins", ErrRange)
	}
	rows, err := a.store.Query(ctx, `SELECT a.id, a.name, a.icon,
			SUM(CASE WHEN u.day < $1 THEN u.added - u.removed ELSE 0 END), SUM(u.added - u.removed)
		FROM usage u JOIN apps a ON a.id = u.app WHERE a.published = 1 AND a.suspended = '' AND u.day < $2
		GROUP BY a.id, a.name, a.icon`, int64(dayOf(from)), lastDay(to))
	if err != nil {
		return AppRanking{}, err
	}
	defer rows.Close()
	ranking := AppRanking{Apps: []AppGrowth{}}
	for rows.Next() {
		var id, icon []byte
		var name string
		var before, after int64
		if err := rows.Scan(&id, &name, &icon, &before, &after); err != nil {
			return AppRanking{}, err
		}
		growth := AppGrowth{Installs: after}
		if growth.App, err = cardFrom(id, name, icon); err != nil {
			return AppRanking{}, err
		}
		growth.Added, growth.GrowthPercent = change(uint64(before), uint64(after))
		ranking.Apps = append(ranking.Apps, growth)
	}
	slices.SortFunc(ranking.Apps, func(x, y AppGrowth) int {
		return cmp.Or(compareShares(x.GrowthPercent, y.GrowthPercent, x.Added, y.Added), cmp.Compare(x.App.Name, y.App.Name), cmp.Compare(x.App.ID.String(), y.App.ID.String()))
	})
	ranking.Apps = ranking.Apps[:min(limit, len(ranking.Apps))]
	return ranking, rows.Err()
}
