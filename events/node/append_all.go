package node

import (
	"context"
	"fmt"
	"slices"

	"parley/events"
)

var _ events.Batcher = (*Node)(nil)

// maxParts bounds the parts of one AppendAll, so that the heads that one batch
// touches stay in memory.
const maxParts = 16

// AppendAll keeps the contract of events.Batcher.
func (n *Node) AppendAll(ctx context.Context, parts ...events.Part) ([]events.Appended, error) {
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	all := make([]part, len(parts))
	for i, p := range parts {
		all[i] = newPart(p.Stream, p.Expected, p.Events)
	}
	pending, err := n.submit(ctx, newRequest(all[0], all[1:]...))
	if err != nil {
		return nil, err
	}
	a := pending.wait(ctx)
	if a.err != nil {
		return nil, a.err
	}
	appended := make([]events.Appended, len(parts))
	for i, o := range append([]Outcome{a.outcome}, a.more...) {
		if err := o.Err(parts[i].Stream, parts[i].Expected); err != nil {
			return nil, err
		}
		appended[i] = o.appended()
	}
	return appended, nil
}

func checkParts(parts []events.Part) error {
	if len(parts) == 0 || len(parts) > maxParts {
		return fmt.Errorf("%w: %d parts, 1 to %d are allowed", events.ErrInvalid, len(parts), maxParts)
	}
	var together []events.Proposed
	for i, p := range parts {
		if err := checkWrite(p.Stream, p.Expected); err != nil {
			return err
		}
		switch {
		case len(p.Events) == 0:
			return fmt.Errorf("%w: no events for %s", events.ErrInvalid, p.Stream)
		case isSystem(p.Stream):
			return fmt.Errorf("%w: %s is the system's and is written alone", events.ErrInvalid, p.Stream)
		case slices.ContainsFunc(parts[:i], func(other events.Part) bool { return other.Stream == p.Stream }):
			return fmt.Errorf("%w: %s is there twice", events.ErrInvalid, p.Stream)
		}
		together = append(together, p.Events...)
	}
	return checkEvents(together)
}

// answer decides a request.
func (w *writer) answer(r *request) answer {
	if len(r.more) == 0 {
		outcome, err := w.decide(r)
		return answer{outcome: outcome, err: err}
	}
	outcomes, err := w.decideAll(append([]part{r.part}, r.more...))
	if err != nil {
		return answer{err: events.Unavailable(err)}
	}
	return answer{outcome: outcomes[0], more: outcomes[1:]}
}

// planned is a part of which all has been read that its writing needs.
type planned struct {
	*part
	head       *head
	recreation *entry
}

// decideAll writes all parts if each can be written or was before. Outcomes end
// with that of the first part that cannot.
func (w *writer) decideAll(parts []part) ([]Outcome, error) {
	outcomes := make([]Outcome, 0, len(parts))
	plan := make([]planned, len(parts))
	for i := range parts {
		outcome, err := w.plan(&parts[i], &plan[i])
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, outcome)
		if outcome.Status != Written && outcome.Status != Repeated {
			return outcomes, nil
		}
	}
	for i, p := range plan {
		if outcomes[i].Status == Repeated {
			continue
		}
		if err := w.putAll(p.part, p.head, p.recreation, &outcomes[i]); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (w *writer) plan(p *part, into *planned) (Outcome, error) {
	h, outcome, err := w.judge(p)
	*into = planned{part: p, head: h}
	if err == nil && outcome.Status == Written {
		into.recreation, err = w.recreated(p.stream, h)
	}
	return outcome, err
}
