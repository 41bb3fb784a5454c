package competing

import (
	"context"

	"parley/events"
	"parley/events/node"
)

// source reads what a group consumes.
type source interface {
	// read hands the events after a place to the group, at most limit of them
	// and no more than one step's work. It answers whether the end was reached.
	read(ctx context.Context, g *group, limit int) (end bool, err error)
	// end is where the source ends now, or the origin if it is empty.
	end() (cursor, error)
	// wait returns how far the source goes when that is beyond a position.
	wait(ctx context.Context, after events.Position) (events.Position, error)
}

// resolver follows links if the group wants it.
type resolver struct {
	node    *node.Node
	enabled bool
}

func (r resolver) resolve(ctx context.Context, e *events.Recorded) (event, link *events.Recorded, err error) {
	if !r.enabled {
		return e, nil, nil
	}
	return r.node.Resolve(ctx, e)
}

func newSource(n *node.Node, key Key, settings Settings) (source, error) {
	links := resolver{node: n, enabled: settings.ResolveLinks}
	if !key.all() {
		return streamSource{resolver: links, stream: key.Source}, nil
	}
	all := allSource{resolver: links, passes: func(string, string) bool { return true }}
	if settings.Filter != nil {
		var err error
		if all.passes, err = settings.Filter.Compile(); err != nil {
			return nil, &Failure{err.Error()}
		}
	}
	return all, nil
}

type streamSource struct {
	resolver
	stream string
}

func (s streamSource) end() (cursor, error) {
	state, err := s.node.State(s.stream)
	return cursor(state.Last), err
}

func (s streamSource) wait(ctx context.Context, after events.Position) (events.Position, error) {
	return s.node.WaitStream(ctx, s.stream, after)
}

func (s streamSource) read(ctx context.Context, g *group, limit int) (bool, error) {
	state, found, err := s.node.ReadStream(ctx, s.stream, uint64(g.at+1), events.Forwards, limit)
	if err != nil {
		return false, err
	}
	for e, err := range found {
		if err != nil {
			return false, err
		}
		event, link, err := s.resolve(ctx, &e)
		if err != nil {
			return false, err
		}
		g.take(event, link, cursor(e.Revision))
	}
	return state.Status != node.Found || int64(g.at) >= state.Last, nil
}

// considered is how many events of the log one step looks at.
const considered = 1024

type allSource struct {
	resolver
	passes func(stream, kind string) bool
}

func (s allSource) end() (cursor, error) { return cursor(s.node.Tip()), nil }

func (s allSource) wait(ctx context.Context, after events.Position) (events.Position, error) {
	return s.node.Wait(ctx, after)
}

func (s allSource) read(ctx context.Context, g *group, limit int) (bool, error) {
	tip := s.node.Tip()
	for e, err := range s.node.ScanAll(ctx, events.Position(g.at)+1, events.Forwards, considered) {
		if err != nil {
			return false, err
		}
		if node.HiddenFromAll(e.Stream) {
			// Counted, the group's own checkpoint would bring on the next one.
			g.pass(0, cursor(e.Position))
			continue
		}
		if !s.passes(e.Stream, e.Type) {
			g.pass(1, cursor(e.Position))
			continue
		}
		event, link, err := s.resolve(ctx, &e)
		if err != nil {
			return false, err
		}
		g.take(event, link, cursor(e.Position))
		if limit--; limit == 0 {
			break
		}
	}
	return events.Position(g.at) >= tip, nil
}
