package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"parley/events"
	"parley/projections"
)

// Replay measures how fast views are rebuilt from a log of people who talked
// for three years, each view alone, against a bare scan of the same log.
func Replay(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	journal, closeJournal, err := p.OpenJournal(ctx, filepath.Join(o.Dir, "parley"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeJournal()) }()
	shown := o.begin("writing the log", o.Events)
	written, err := writeHistory(ctx, journal, o.Events, shown)
	shown.end()
	if err != nil {
		return nil, err
	}
	r := &replaying{options: o, journal: journal, history: written}
	growth, conversations, err := r.measure(ctx)
	if err != nil {
		return nil, err
	}
	return &Report{
		Benchmark:   "replay",
		Setting:     fmt.Sprintf("%s events, %d rounds, %s", grouped(float64(written.written), 0), o.Rounds, machine()),
		Comparisons: []Comparison{*growth, *conversations},
		Notes: []string{
			fmt.Sprintf("the log has %d users, %d conversations and %d messages over %d days",
				len(written.users), len(written.conversations), written.messages, historyDays),
			"a rate is all events of the log by the time from the start on an empty view until it has passed the tip",
			"after each round the view was asked for the users and messages that were written",
		},
	}, nil
}

// replaying is the measurement of replays.
type replaying struct {
	options Options
	journal *events.Journal
	history *history
	views   int // how many were built, to name the next one's directory
}

func (r *replaying) measure(ctx context.Context) (growth, conversations *Comparison, err error) {
	shown := r.options.begin("replaying", r.options.Rounds)
	defer shown.end()
	where := ""
	if r.options.Postgres != "" {
		where = " on PostgreSQL"
	}
	growth = newReplayComparison("growth rebuilt" + where)
	conversations = newReplayComparison("conversation views rebuilt" + where)
	for range r.options.Rounds {
		for _, turn := range []struct {
			*Comparison
			projection string
			check      func(context.Context, *projections.Set) error
		}{
			{growth, projections.GrowthName, r.checkGrowth},
			{conversations, projections.ConversationsName, r.checkConversations},
		} {
			if err := r.takeTurns(ctx, turn.Comparison, turn.projection, turn.check); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", turn.Name, err)
			}
		}
		shown.add(1)
	}
	growth.finish()
	conversations.finish()
	return growth, conversations, nil
}

func newReplayComparison(name string) *Comparison {
	return &Comparison{Name: name, Unit: "events", Parley: Side{Name: "parley"}, Control: Side{Name: "bare scan of the log"}}
}

// takeTurns rebuilds a view and scans the log.
func (r *replaying) takeTurns(ctx context.Context, c *Comparison, projection string, check func(context.Context, *projections.Set) error) error {
	var took time.Duration
	var err error
	labelled(ctx, parleySide, func(ctx context.Context) { took, err = r.rebuild(ctx, projection, check) })
	if err != nil {
		return err
	}
	c.Parley.Rates = append(c.Parley.Rates, r.rate(took))
	labelled(ctx, controlSide, func(ctx context.Context) { took, err = r.scan(ctx) })
	c.Control.Rates = append(c.Control.Rates, r.rate(took))
	return err
}

func (r *replaying) rate(took time.Duration) float64 {
	return float64(r.history.written) / took.Seconds()
}

// rebuild builds one view in an empty directory.
func (r *replaying) rebuild(ctx context.Context, projection string, check func(context.Context, *projections.Set) error) (took time.Duration, err error) {
	r.views++
	engine, closeViews, err := r.options.openViews(ctx, r.views)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeViews()) }()
	set, err := projections.Open(ctx, r.journal, projections.Options{
		Views:  engine,
		Only:   []string{projection},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return 0, err
	}
	running, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(stopped)
		set.Run(running)
	}()
	defer func() {
		stop()
		<-stopped
		err = errors.Join(err, set.Close())
	}()
	if err := set.CatchUp(ctx); err != nil {
		return 0, err
	}
	took = time.Since(began)
	return took, check(ctx, set)
}

// scan reads the whole log and does nothing with it.
func (r *replaying) scan(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	count := 0
	for _, err := range r.journal.Log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return 0, err
		}
		count++
	}
	if count != r.history.written {
		return 0, fmt.Errorf("the log has %d events, %d were written", count, r.history.written)
	}
	return time.Since(began), nil
}

func (r *replaying) checkGrowth(ctx context.Context, set *projections.Set) error {
	end := historyBegin.AddDate(0, 0, historyDays)
	summary, err := set.Growth.Summary(ctx, historyBegin, end)
	if err == nil && summary.Users != uint64(len(r.history.users)) {
		err = fmt.Errorf("the view has %d users, %d were registered", summary.Users, len(r.history.users))
	}
	return err
}

// checkedConversations is how many conversations of a view are looked at.
const checkedConversations = 200

func (r *replaying) checkConversations(ctx context.Context, set *projections.Set) error {
	talks := r.history.conversations
	for i := 0; i < len(talks); i += 1 + len(talks)/checkedConversations {
		seen, err := set.Conversations.Get(ctx, talks[i].id, talks[i].people[0])
		if err == nil && seen.MessageCount != uint64(talks[i].messages) {
			err = fmt.Errorf("it has %d messages, %d were written", seen.MessageCount, talks[i].messages)
		}
		if err != nil {
			return fmt.Errorf("conversation %s: %w", talks[i].id, err)
		}
	}
	return nil
}
