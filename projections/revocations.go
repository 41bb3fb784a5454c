package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/events"
)

// Revocations is which tokens hold no more. They are few and asked for with
// every request, so each server keeps them in memory, and folds them anew when
// it starts.
type Revocations struct {
	journal *events.Journal
	logger  *slog.Logger

	// folded is closed by run when it knows what was revoked before.
	folded chan struct{}
	told   func(subject string)

	mu       sync.RWMutex
	tokens   map[string]time.Time // id to the token's own end; guarded by mu
	subjects map[string]time.Time // to the end of what is revoked; guarded by mu
}

func newRevocations(journal *events.Journal, logger *slog.Logger) *Revocations {
	return &Revocations{
		journal:  journal,
		logger:   logger,
		folded:   make(chan struct{}),
		told:     func(string) {},
		tokens:   make(map[string]time.Time),
		subjects: make(map[string]time.Time),
	}
}

// Revoked tells whether a token holds no more, by its id, its subject and when
// it was issued. No token is taken on trust: until it is known what was revoked
// before, it waits, and fails with ErrBehind after patience.
func (r *Revocations) Revoked(ctx context.Context, patience time.Duration, id, subject string, issued time.Time) (bool, error) {
	select {
	case <-r.folded:
	default:
		if err := r.await(ctx, patience); err != nil {
			return false, err
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, revoked := r.tokens[id]; revoked {
		return true, nil
	}
	upTo, revoked := r.subjects[subject]
	return revoked && !issued.After(upTo), nil
}

func (r *Revocations) await(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-r.folded:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("revoked tokens: %w: %w", ErrBehind, ctx.Err())
	}
}

// Listen has somebody told of each revocation that is folded from now on: the
// subject whose tokens are to be looked at again. Listen is called once, before
// Run.
func (r *Revocations) Listen(told func(subject string)) { r.told = told }

// Apply folds a revocation. To fold it again changes nothing, so whoever has
// written one need not wait until it comes back from the log.
func (r *Revocations) Apply(event events.Event) {
	switch fact := event.Fact.(type) {
	case *events.TokenRevoked:
		r.revokeToken(fact, event.Created)
		r.told(fact.Subject)
	case *events.SubjectRevoked:
		upTo := event.Meta.OccurredAt
		if fact.ForGood {
			upTo = forGood
		}
		r.revokeSubject(fact.Subject, upTo)
		r.told(fact.Subject)
	}
}

func (r *Revocations) revokeToken(fact *events.TokenRevoked, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetEnded(now)
	r.tokens[fact.Token] = fact.Expires
}

// forGood is after any token is issued.
var forGood = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

func (r *Revocations) revokeSubject(subject string, upTo time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if upTo.After(r.subjects[subject]) {
		r.subjects[subject] = upTo
	}
}

// forgetfulFrom is how many revoked tokens are kept before those are looked
// for that have ended by themselves.
const forgetfulFrom = 10_000

func (r *Revocations) forgetEnded(now time.Time) {
	if len(r.tokens) < forgetfulFrom {
		return
	}
	for id, end := range r.tokens {
		if end.Before(now) {
			delete(r.tokens, id)
		}
	}
}

// run folds what was revoked and follows the log, until the context ends.
func (r *Revocations) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		level := slog.LevelError
		if errors.Is(err, events.ErrUnavailable) {
			level = slog.LevelWarn
		}
		r.logger.Log(ctx, level, "revoked tokens are not followed for a moment", "cause", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
}

func (r *Revocations) follow(ctx context.Context) error {
	tip, err := events.Tip(ctx, r.journal.Log)
	if err != nil {
		return err
	}
	// The stream is read by itself first: it is short, the log before it is not.
	for event, err := range r.journal.History(ctx, events.RevocationsStream, 0) {
		if err != nil {
			return err
		}
		r.Apply(event)
	}
	select {
	case <-r.folded:
	default:
		close(r.folded)
	}
	only := events.Filter{StreamPrefixes: []string{events.RevocationsStream}}
	for recorded, err := range r.journal.Log.Follow(ctx, tip, only) {
		if err != nil {
			return err
		}
		if recorded.IsMark() {
			continue
		}
		event, err := events.Decode(recorded)
		if err != nil {
			return err
		}
		r.Apply(event)
	}
	return ctx.Err()
}
