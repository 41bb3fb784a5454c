// Package importer brings real history into Parley: who said what to whom, and
// when. It writes by package commands, under the same rules as HTTP.
//
// An import may be stopped at any time and run again. Each message's event id
// follows from its room, line number and line, so that what is in the log
// already is passed over, wherever the file lies now.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"parley/events"
	"parley/events/commands"
)

// The formats that can be imported.
const (
	// IRC is a room's log, of lines
	//	ROOM YYYY-MM-DD [HH:MM:SS] <nick> text
	//	ROOM YYYY-MM-DD [HH:MM:SS] * nick does
	// with or without seconds, in UTC. A room becomes a group, a nick a user,
	// and an action the text "/me does". Who speaks in a room is its
	// participant from then on; what is not speech (joins, leaves, new nicks,
	// bots' notices) is counted only.
	IRC = "irc"
	// Edges is a temporal network as SNAP publishes them, of lines
	//	SRC DST UNIXTIME
	// between which blank lines and comments (#) may stand. A pair becomes a
	// direct conversation, a number n the user "un", and a line the message
	// "#" and its number. Messages to oneself are counted only.
	Edges = "edges"
)

var formats = map[string]parser{IRC: parseIRC, Edges: parseEdge}

// Formats names the formats that can be imported.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// Options say what to import and how to tell about it.
type Options struct {
	// Format is IRC or Edges; RunOlist needs none.
	Format string
	// Product is what new users came by; the default product if it is empty.
	Product string
	// Out is told what was done, and Err of lines that could not be imported.
	Out, Err io.Writer
	// Terminal tells that Err can show a progress bar; otherwise Out gets
	// lines.
	Terminal bool
	// Now paces the lines; time.Now if nil.
	Now func() time.Time
}

// Run reads files and writes what they tell. Files are read in the order of
// the earliest time in each; the order of lines within a file is kept in every
// conversation, whatever their times. The summary is printed also after an
// error or the context's end, which leave every message in the log that it
// counts.
func Run(ctx context.Context, c *commands.Commands, journal *events.Journal, options Options, paths ...string) (Summary, error) {
	parse, known := formats[options.Format]
	if !known {
		return Summary{}, fmt.Errorf("unknown format %q: choose one of %q", options.Format, Formats())
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	survey, err := takeSurvey(ctx, parse, paths)
	if err != nil {
		return Summary{}, err
	}
	i := &importing{
		commands: c,
		journal:  journal,
		product:  options.Product,
		parse:    parse,
		survey:   survey,
		tally:    newTally(newProgress(options, "lines", survey.lines)),
		underWay: semaphore.NewWeighted(maxUnderWay),
	}
	err = i.run(ctx)
	summary := i.tally.finish(options.Out, options.Err)
	if err != nil {
		return summary, fmt.Errorf("the import stopped before its end, and goes on when it is run again: %w", err)
	}
	return summary, nil
}

// importing is one run. The reader parses lines and hands newcomers to the
// registrars and postings to the lanes; a conversation belongs to one lane,
// which keeps its order.
type importing struct {
	commands *commands.Commands
	journal  *events.Journal
	product  string
	parse    parser
	survey   *survey // owned by the reader
	tally    *tally
	// underWay counts the bytes of postings from the reader to the lanes' end.
	underWay *semaphore.Weighted
}

// How much is under way at a time. Most of a lane's or registrar's time goes
// into waiting for a commit, which they share.
const (
	lanes      = 48
	registrars = 48
	laneQueue  = 2048
	// maxUnderWay bounds the lines held in memory, in bytes.
	maxUnderWay = 64 << 20
)

func (i *importing) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	newcomers := make(chan *person, registrars)
	queues := make([]chan posting, lanes)
	for n := range queues {
		queues[n] = make(chan posting, laneQueue)
		lane := lane{importing: i, postings: queues[n]}
		group.Go(func() error { return lane.run(ctx) })
	}
	for range registrars {
		group.Go(func() error { return i.register(ctx, newcomers) })
	}
	group.Go(func() error {
		reader := reader{importing: i, newcomers: newcomers, lanes: queues, conversations: make(map[parties]*conversation)}
		if err := reader.run(ctx); err != nil {
			return err
		}
		close(newcomers)
		for _, queue := range queues {
			close(queue)
		}
		return nil
	})
	return group.Wait()
}

// send hands a value over unless the context ends first.
func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refusal tells whether an error concerns what was asked for, so that it would
// be the same the next time, and not the log or the vault.
func refusal(err error) bool {
	return isRefusal(err) || errors.Is(err, events.ErrForgotten) || errors.Is(err, events.ErrTooLarge)
}
