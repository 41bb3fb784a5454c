package decide

import (
	"crypto/subtle"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

const (
	maxAppName        = 64
	maxAppDescription = 2_000
	maxAppWebsite     = 500
	maxReason         = 500
	// MaxApps bounds how many apps are in one conversation.
	MaxApps = 20
	// SecretOverlap is for how long an app's former secret and token hold
	// beside the new ones, and MaxSecretOverlap how long that can be at most.
	SecretOverlap    = 24 * time.Hour
	MaxSecretOverlap = 7 * 24 * time.Hour
)

// AllGrants are all that an app can ask for.
var AllGrants = []events.Grant{events.ReadMessages, events.WriteMessages, events.WriteAttachments, events.ReadProfiles}

// App is what decisions need to know of an app. The zero value is one that was
// not registered.
type App struct {
	ID      uuid.UUID
	Owner   uuid.UUID
	Listing events.AppListing
	// Published apps can be seen and installed by everybody.
	Published bool
	// Suspended tells why the app was stopped; it is empty if it was not.
	Suspended string
	// Credentials hold the newest first; there are at most two.
	Credentials []Credential
	Webhook     Webhook
	// Page is what the app made of its own page.
	Page PageState
}

// Credential is a secret and a token of an app.
type Credential struct {
	Seed       uuid.UUID
	SecretHash events.Digest
	TokenHash  events.Digest
	// Until is when it ends; the newest has no end.
	Until time.Time
}

// Holds tells whether the credential is accepted at a time.
func (c Credential) Holds(now time.Time) bool { return c.Until.IsZero() || now.Before(c.Until) }

// NewApp is an app before its first fact.
func NewApp() *App { return new(App) }

// EvolveApp applies a fact of an app's stream; it changes and returns the app
// given.
func EvolveApp(a *App, fact events.Fact) *App {
	switch f := fact.(type) {
	case *events.AppRegistered:
		a.ID, a.Owner, a.Listing = f.App, f.Owner, f.AppListing
	case *events.AppChanged:
		a.Listing = f.AppListing
	case *events.AppPublished:
		a.Published = true
	case *events.AppSuspended:
		a.Suspended = f.Reason
	case *events.AppResumed:
		a.Suspended = ""
	case *events.AppSecretRotated:
		a.rotate(f)
	case *events.WebhookConfigured:
		a.Webhook = Webhook{Configuration: f.Configuration, URL: f.URL, Fields: f.Fields}
	case *events.WebhookRemoved:
		a.Webhook = Webhook{}
	case *events.WebhookDisabled:
		a.Webhook.Disabled = f.Reason
	default:
		a.Page = a.Page.evolve(fact)
	}
	return a
}

func (a *App) rotate(f *events.AppSecretRotated) {
	current := Credential{Seed: f.Seed, SecretHash: f.SecretHash, TokenHash: f.TokenHash}
	if len(a.Credentials) > 0 {
		a.Credentials = a.Credentials[:1]
		a.Credentials[0].Until = f.PreviousUntil
	}
	a.Credentials = append([]Credential{current}, a.Credentials...)
}

// Registered tells whether the app exists.
func (a *App) Registered() bool { return a.ID != uuid.Nil }

// Card is how the app is shown now.
func (a *App) Card() events.AppCard {
	return events.AppCard{ID: a.ID, Name: a.Listing.Name, Icon: a.Listing.Icon}
}

// Accepts tells whether the token with that hash speaks for the app now. A
// suspended app has no token.
func (a *App) Accepts(token events.Digest, now time.Time) bool {
	accepted := 0
	for _, c := range a.Credentials {
		if c.Holds(now) {
			accepted |= subtle.ConstantTimeCompare(token[:], c.TokenHash[:])
		}
	}
	return accepted == 1 && a.Suspended == ""
}

// Admit refuses everybody but the owner. Of an app that was not published,
// others are not told that it exists.
func (a *App) Admit(user uuid.UUID) error {
	switch {
	case !a.Registered():
		return NoSuchApp("")
	case user == a.Owner:
		return nil
	case a.Published:
		return refuse(Forbidden, "", "only the app's owner may do this")
	}
	return NoSuchApp("")
}

// NoSuchApp is what everybody is told who names an app that does not exist,
// or that is not for them.
func NoSuchApp(field string) error { return refuse(Unknown, field, "there is no such app") }

// AppRegistration is the intent to bring an app.
type AppRegistration struct {
	App        uuid.UUID
	Owner      uuid.UUID
	Listing    events.AppListing
	Credential Credential
}

// RegisterApp makes an app of its owner's. That the owner is registered and the
// icon an image is for the caller to see to.
func RegisterApp(a *App, r AppRegistration) ([]events.Fact, error) {
	if err := checkListing(&r.Listing); err != nil {
		return nil, err
	}
	if a.Registered() {
		return nil, refuse(Taken, "", "this app is registered already")
	}
	return []events.Fact{
		&events.AppRegistered{App: r.App, Owner: r.Owner, AppListing: r.Listing},
		&events.AppSecretRotated{App: r.App, Seed: r.Credential.Seed, SecretHash: r.Credential.SecretHash, TokenHash: r.Credential.TokenHash},
	}, nil
}

// checkListing also puts the grants into one order.
func checkListing(l *events.AppListing) error {
	if err := checkLine("name", l.Name, 1, maxAppName); err != nil {
		return err
	}
	if err := checkText("description", l.Description, 0, maxAppDescription); err != nil {
		return err
	}
	if err := checkWebsite(l.Website); err != nil {
		return err
	}
	granted, err := checkGrants(l.Grants)
	l.Grants = granted
	return err
}

func checkWebsite(website string) error {
	if website == "" {
		return nil
	}
	if err := checkLine("website", website, 1, maxAppWebsite); err != nil {
		return err
	}
	at, err := url.Parse(website)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" {
		return refuse(Invalid, "website", "must be an http or https URL")
	}
	return nil
}

func checkGrants(asked []events.Grant) ([]events.Grant, error) {
	var granted []events.Grant
	for _, grant := range asked {
		if !slices.Contains(AllGrants, grant) {
			return nil, refuse(Invalid, "grants", "%q is none of %q", grant, AllGrants)
		}
	}
	for _, grant := range AllGrants {
		if slices.Contains(asked, grant) {
			granted = append(granted, grant)
		}
	}
	return granted, nil
}

// ChangeApp gives an app another listing.
func ChangeApp(a *App, by uuid.UUID, listing events.AppListing) ([]events.Fact, error) {
	if err := a.Admit(by); err != nil {
		return nil, err
	}
	if err := checkListing(&listing); err != nil {
		return nil, err
	}
	return []events.Fact{&events.AppChanged{App: a.ID, AppListing: listing}}, nil
}

// PublishApp puts an app into the directory.
func PublishApp(a *App, by uuid.UUID) ([]events.Fact, error) {
	if err := a.Admit(by); err != nil || a.Published {
		return nil, err
	}
	if a.Suspended != "" {
		return nil, refuse(Taken, "", "the app is suspended: %s", a.Suspended)
	}
	return []events.Fact{&events.AppPublished{App: a.ID}}, nil
}

// SuspendApp stops an app everywhere, for an operator.
func SuspendApp(a *App, reason string) ([]events.Fact, error) {
	if !a.Registered() {
		return nil, NoSuchApp("")
	}
	if err := checkLine("reason", reason, 1, maxReason); err != nil || a.Suspended == reason {
		return nil, err
	}
	return []events.Fact{&events.AppSuspended{App: a.ID, Reason: reason}}, nil
}

// ResumeApp ends a suspension, for an operator.
func ResumeApp(a *App) ([]events.Fact, error) {
	switch {
	case !a.Registered():
		return nil, NoSuchApp("")
	case a.Suspended == "":
		return nil, nil
	}
	return []events.Fact{&events.AppResumed{App: a.ID}}, nil
}

// RotateSecret gives an app a new secret and token; those before hold until
// the overlap ends. A seed that is the app's already changes nothing.
func RotateSecret(a *App, by uuid.UUID, next Credential, previousUntil time.Time) ([]events.Fact, error) {
	if err := a.Admit(by); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(a.Credentials, func(c Credential) bool { return c.Seed == next.Seed }) {
		return nil, nil
	}
	return []events.Fact{&events.AppSecretRotated{
		App: a.ID, Seed: next.Seed, SecretHash: next.SecretHash, TokenHash: next.TokenHash, PreviousUntil: previousUntil.UTC(),
	}}, nil
}

// Installation is what decisions need to know of an app in a conversation.
type Installation struct {
	events.AppCard
	Grants []events.Grant
	// Since is the number of the first message that the app may see.
	Since uint64
}

// May refuses an app what it was not granted, by participants or by the
// conversation's merchant. To an app that is not in the conversation there is
// none.
func (c *Conversation) May(app uuid.UUID, grant events.Grant) error {
	installed, ok := c.Installed(app)
	if !ok {
		return NoSuchConversation()
	}
	return Granted(installed.Grants, grant)
}

// Granted refuses what is not among the grants.
func Granted(grants []events.Grant, grant events.Grant) error {
	if !slices.Contains(grants, grant) {
		return because(ErrNotGranted, Forbidden, "the app was not granted %s here", grant)
	}
	return nil
}

// Installed tells what an app may do in the conversation: as it was installed
// there, or as its merchant connected it.
func (c *Conversation) Installed(app uuid.UUID) (Installation, bool) {
	if installed, ok := c.Apps[app]; ok {
		return installed, true
	}
	connected, ok := c.Business.Connection(app)
	return connected.Installation, ok
}

// InstallApp lets an app take part in a conversation, or changes what it may
// do there. No grants mean all that it asks for. An app that is not published
// can be installed by its owner alone.
func InstallApp(c *Conversation, a *App, by uuid.UUID, grants []events.Grant, since uint64) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	if !a.Registered() || !a.Published && by != a.Owner {
		return nil, NoSuchApp("")
	}
	granted, err := grantsOf(a, grants)
	if err != nil {
		return nil, err
	}
	before, installed := c.Apps[a.ID]
	switch {
	case a.Suspended != "":
		return nil, refuse(Taken, "", "the app is suspended: %s", a.Suspended)
	case installed && slices.Equal(before.Grants, granted):
		return nil, nil
	case installed:
		since = before.Since
	case len(c.Apps) >= MaxApps:
		return nil, refuse(Taken, "", "a conversation has at most %d apps", MaxApps)
	}
	return []events.Fact{&events.AppInstalled{Conversation: c.ID, App: a.Card(), By: by, Grants: granted, Since: since}}, nil
}

// grantsOf are those that a participant gives of those that the app asks for.
func grantsOf(a *App, grants []events.Grant) ([]events.Grant, error) {
	if len(grants) == 0 {
		return a.Listing.Grants, nil
	}
	granted, err := checkGrants(grants)
	if err != nil {
		return nil, err
	}
	for _, grant := range granted {
		if !slices.Contains(a.Listing.Grants, grant) {
			return nil, refuse(Invalid, "grants", "the app does not ask for %s", grant)
		}
	}
	return granted, nil
}

// RemoveApp takes an app out of a conversation.
func RemoveApp(c *Conversation, app, by uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	if _, installed := c.Apps[app]; !installed {
		return nil, nil
	}
	return []events.Fact{&events.AppRemoved{Conversation: c.ID, App: app, By: by}}, nil
}

// evolveApps applies a fact about an app in the conversation.
func (c *Conversation) evolveApps(fact events.Fact) {
	switch f := fact.(type) {
	case *events.AppInstalled:
		if c.Apps == nil {
			c.Apps = make(map[uuid.UUID]Installation)
		}
		c.Apps[f.App.ID] = Installation{f.App, f.Grants, f.Since}
	case *events.AppRemoved:
		delete(c.Apps, f.App)
	}
}
