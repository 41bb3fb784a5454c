package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

const recentApps = 10_000

// AppActor is the name under which an app acts.
func AppActor(app uuid.UUID) string { return "app:" + app.String() }

// Credentials are what an app speaks for itself with. They are shown when they
// are made, and kept nowhere.
type Credentials struct {
	// Secret signs what is sent to the app's webhook.
	Secret string `json:"secret"`
	// Token is the app's bearer token.
	Token string `json:"token"`
}

// credentials computes what belongs to a seed; only the vault's holder can.
// Handles, the other values that are given pseudonyms, hold no spaces.
func (c *Commands) credentials(app, seed uuid.UUID) Credentials {
	return Credentials{
		Secret: c.journal.Keys.Pseudonym("app secret " + seed.String()),
		Token:  tokenPrefix + hex.EncodeToString(app[:]) + "_" + c.journal.Keys.Pseudonym("app token "+seed.String()),
	}
}

func (made Credentials) hashed(seed uuid.UUID) decide.Credential {
	return decide.Credential{Seed: seed, SecretHash: sha256.Sum256([]byte(made.Secret)), TokenHash: sha256.Sum256([]byte(made.Token))}
}

// tokenPrefix begins every app's token; its app follows in hex.
const tokenPrefix = "app_"

// RegisterApp brings an app of a user's, with its first credentials. Returned
// are its events, of which the first is AppRegistered.
func (c *Commands) RegisterApp(ctx context.Context, cause events.Cause, owner uuid.UUID, listing events.AppListing) ([]events.Event, Credentials, error) {
	app := c.newID(cause)
	seed := uuid.NewSHA1(app, []byte("first credentials"))
	made := c.credentials(app, seed)
	registration := decide.AppRegistration{App: app, Owner: owner, Listing: listing, Credential: made.hashed(seed)}
	if err := c.checkIcon(ctx, owner, listing.Icon); err != nil {
		return nil, Credentials{}, err
	}
	written, err := events.Transact(ctx, c.apps, events.AppStream(app), cause,
		func(a *decide.App) ([]events.Fact, error) { return decide.RegisterApp(a, registration) })
	return written, made, err
}

// checkIcon refuses an icon that the owner has not brought, or that is no
// image.
func (c *Commands) checkIcon(ctx context.Context, owner uuid.UUID, icon *events.Digest) error {
	if icon == nil {
		return nil
	}
	if c.Library == nil {
		return decide.NoFiles("icon")
	}
	file, err := c.Library.sendable(ctx, *icon, owner)
	if err != nil {
		return decide.At("icon", err)
	}
	return decide.Icon(file)
}

// ChangeApp gives an app another listing, on behalf of its owner, and returns
// the AppChanged event.
func (c *Commands) ChangeApp(ctx context.Context, cause events.Cause, app, by uuid.UUID, listing events.AppListing) ([]events.Event, error) {
	before, err := c.App(ctx, app)
	if err != nil {
		return nil, err
	}
	if kept := before.Listing.Icon; listing.Icon != nil && (kept == nil || *kept != *listing.Icon) {
		if err := c.checkIcon(ctx, by, listing.Icon); err != nil {
			return nil, err
		}
	}
	return c.transactApp(ctx, cause, app, func(a *decide.App) ([]events.Fact, error) { return decide.ChangeApp(a, by, listing) })
}

// PublishApp puts an app into the directory, on behalf of its owner. It
// returns the AppPublished event, or none if it is there already.
func (c *Commands) PublishApp(ctx context.Context, cause events.Cause, app, by uuid.UUID) ([]events.Event, error) {
	return c.transactApp(ctx, cause, app, func(a *decide.App) ([]events.Fact, error) { return decide.PublishApp(a, by) })
}

// SuspendApp stops an app everywhere, on behalf of an operator. It returns the
// AppSuspended event, or none if it is suspended for that reason already.
func (c *Commands) SuspendApp(ctx context.Context, cause events.Cause, app uuid.UUID, reason string) ([]events.Event, error) {
	return c.transactApp(ctx, cause, app, func(a *decide.App) ([]events.Fact, error) { return decide.SuspendApp(a, reason) })
}

// ResumeApp ends an app's suspension, on behalf of an operator. It returns the
// AppResumed event, or none if it was not suspended.
func (c *Commands) ResumeApp(ctx context.Context, cause events.Cause, app uuid.UUID) ([]events.Event, error) {
	return c.transactApp(ctx, cause, app, decide.ResumeApp)
}

func (c *Commands) transactApp(ctx context.Context, cause events.Cause, app uuid.UUID, decision func(*decide.App) ([]events.Fact, error)) ([]events.Event, error) {
	return events.Transact(ctx, c.apps, events.AppStream(app), cause, decision)
}

// RotateSecret gives an app new credentials, on behalf of its owner; those
// before hold for the overlap. Returned are the AppSecretRotated event, or
// none if this is a repeat, and until when those before hold.
func (c *Commands) RotateSecret(ctx context.Context, cause events.Cause, app, by uuid.UUID, overlap time.Duration) (Credentials, time.Time, []events.Event, error) {
	seed := c.newID(cause)
	made := c.credentials(app, seed)
	until := c.journal.Now().Add(overlap).Truncate(time.Second).UTC()
	// The seed tells a repeat, whose overlap would end later than the first's.
	cause.IdempotencyKey = ""
	written, err := c.transactApp(ctx, cause, app, func(a *decide.App) ([]events.Fact, error) {
		return decide.RotateSecret(a, by, made.hashed(seed), until)
	})
	if err == nil && len(written) == 0 {
		until, err = c.overlapEnd(ctx, app)
	}
	return made, until, written, err
}

// overlapEnd is until when an app's former credentials hold.
func (c *Commands) overlapEnd(ctx context.Context, app uuid.UUID) (time.Time, error) {
	state, err := c.App(ctx, app)
	if err != nil || len(state.Credentials) < 2 {
		return time.Time{}, err
	}
	return state.Credentials[1].Until, nil
}

// App returns an app as the log has it now. One that was not registered is
// refused.
func (c *Commands) App(ctx context.Context, app uuid.UUID) (decide.App, error) {
	var found decide.App
	_, err := c.apps.With(ctx, events.AppStream(app), func(a *decide.App) error {
		if !a.Registered() {
			return decide.NoSuchApp("")
		}
		found = *a
		found.Credentials = append([]decide.Credential(nil), a.Credentials...)
		return nil
	})
	return found, err
}

// IsAppToken tells an app's token from all others.
func IsAppToken(token string) bool { return strings.HasPrefix(token, tokenPrefix) }

// AppOf finds the app that a token speaks for. The boolean is false for
// tokens that are not accepted, or not any more.
func (c *Commands) AppOf(ctx context.Context, token string) (uuid.UUID, bool, error) {
	id, _, _ := strings.Cut(strings.TrimPrefix(token, tokenPrefix), "_")
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(uuid.UUID{}) || !IsAppToken(token) {
		return uuid.Nil, false, nil
	}
	app, accepted := uuid.UUID(raw), false
	_, err = c.apps.With(ctx, events.AppStream(app), func(a *decide.App) error {
		accepted = a.Accepts(sha256.Sum256([]byte(token)), c.journal.Now())
		return nil
	})
	return app, accepted, err
}

// Secrets are those that an app's requests and deliveries are signed with now,
// the newest first.
func (c *Commands) Secrets(ctx context.Context, app uuid.UUID) ([]string, error) {
	state, err := c.App(ctx, app)
	if err != nil {
		return nil, err
	}
	var secrets []string
	for _, credential := range state.Credentials {
		if credential.Holds(c.journal.Now()) {
			secrets = append(secrets, c.credentials(app, credential.Seed).Secret)
		}
	}
	return secrets, nil
}

// InstallApp lets an app take part in a conversation, on behalf of a
// participant, or changes its grants. It returns the AppInstalled event, or
// none if nothing changed.
func (c *Commands) InstallApp(ctx context.Context, cause events.Cause, conversation, app, by uuid.UUID, grants []events.Grant) ([]events.Event, error) {
	if err := c.Admit(ctx, conversation, by); err != nil {
		return nil, err
	}
	state, err := c.App(ctx, app)
	if err != nil {
		return nil, err
	}
	last, err := c.lastMessage(ctx, conversation)
	if err != nil {
		return nil, err
	}
	return c.transactConversation(ctx, conversation, cause, func(room *decide.Conversation) ([]events.Fact, error) {
		return decide.InstallApp(room, &state, by, grants, uint64(last+1))
	})
}

// lastMessage is the revision of a conversation's last fact about messages, or
// -1.
func (c *Commands) lastMessage(ctx context.Context, conversation uuid.UUID) (int64, error) {
	for last, err := range c.journal.Log.Read(ctx, events.MessagesStream(conversation), events.LastRevision, events.Backwards, 1) {
		return int64(last.Revision), err
	}
	return -1, nil
}

// RemoveApp takes an app out of a conversation, on behalf of a participant. It
// returns the AppRemoved event, or none if the app was not in it.
func (c *Commands) RemoveApp(ctx context.Context, cause events.Cause, conversation, app, by uuid.UUID) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(room *decide.Conversation) ([]events.Fact, error) { return decide.RemoveApp(room, app, by) })
}

// Installation returns what an app may do in a conversation now. To an app
// that is not in it there is no such conversation.
func (c *Commands) Installation(ctx context.Context, conversation, app uuid.UUID, grant events.Grant) (decide.Installation, error) {
	var found decide.Installation
	err := c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		found, _ = room.Installed(app)
		return room.May(app, grant)
	})
	return found, err
}
