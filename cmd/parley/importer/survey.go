package importer

import (
	"context"
	"slices"
	"strings"
	"time"

	"parley/events/decide"
)

// survey is what a first reading of the files finds: a person is registered at
// the time of their first appearance, which need not be the first line they
// stand on, and progress is shown as a part of all lines.
type survey struct {
	people  people
	sources []source // in the order of their earliest times
	lines   int
}

type source struct {
	path  string
	first time.Time // the earliest; zero if nothing can be imported
}

func takeSurvey(ctx context.Context, parse parser, paths []string) (*survey, error) {
	s := &survey{people: make(people)}
	for _, path := range paths {
		source := source{path: path}
		err := readLines(ctx, path, func(number int, line string, err error) error {
			s.lines++
			if err != nil {
				return nil // counted and told of when the line is imported
			}
			e, err := parse(line, number)
			if err != nil || e.from == "" {
				return nil
			}
			if source.first.IsZero() || e.at.Before(source.first) {
				source.first = e.at
			}
			s.people.seen(e.from, e.at)
			if e.to != "" {
				s.people.seen(e.to, e.at)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		s.sources = append(s.sources, source)
	}
	slices.SortStableFunc(s.sources, func(a, b source) int { return a.first.Compare(b.first) })
	return s, nil
}

// people finds a person by any spelling of their handle.
type people map[string]*person

func (all people) find(handle string) *person {
	if p := all[handle]; p != nil {
		return p
	}
	folded := decide.FoldHandle(handle)
	p := all[folded]
	handle = strings.Clone(handle) // it is a part of a line
	if p == nil {
		p = &person{handle: handle, registered: make(chan struct{})}
		all[folded] = p
	}
	all[handle] = p
	return p
}

func (all people) seen(handle string, at time.Time) {
	if p := all.find(handle); p.first.IsZero() || at.Before(p.first) {
		p.first = at
	}
}
