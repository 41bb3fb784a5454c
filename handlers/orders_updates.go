package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/decide"
)

const (
	// mostUpdates bounds the updates of one request.
	mostUpdates = 100
	// ordersAtOnce bounds how many orders a request updates at the same time,
	// which the log takes in one commit.
	ordersAtOnce = 32
)

type (
	updatesInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body updatesBody
	}
	updatesOutput struct {
		PositionHeader
		Body updateResults
	}
)

type updatesBody struct {
	Updates []numberedUpdate `json:"updates" minItems:"1" maxItems:"100"`
}

type numberedUpdate struct {
	Number string `json:"number" doc:"The merchant's own number for the order."`
	UpdateBody
}

type updateResults struct {
	Results []updateResult `json:"results" doc:"One for each update, in the same order."`
}

// updateResult is what became of one update.
type updateResult struct {
	Number  string    `json:"number"`
	OrderID uuid.UUID `json:"orderId"`
	// Status is 201 if it is told, now or before, and the problem's otherwise.
	Status  int              `json:"status" doc:"201 if it is told, now or before; otherwise the problem's."`
	Problem *huma.ErrorModel `json:"problem,omitempty" doc:"Why it is not told."`
}

func (s *Server) updateOrders(w http.ResponseWriter, r *http.Request) {
	results, at, err := s.updateAll(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if at.Position > 0 {
		tellPosition(w, at.Position)
	}
	answer(w, http.StatusOK, updateResults{results})
}

func (s *Server) updateAll(w http.ResponseWriter, r *http.Request) ([]updateResult, PositionHeader, error) {
	merchant, err := pathID(r, "id")
	if err != nil {
		return nil, PositionHeader{}, err
	}
	cause, err := keyedCause(r)
	if err != nil {
		return nil, PositionHeader{}, err
	}
	var asked updatesBody
	if err := s.decodeBody(w, r, messageBody, &asked); err != nil {
		return nil, PositionHeader{}, err
	}
	if err := asked.check(); err != nil {
		return nil, PositionHeader{}, err
	}
	if err := s.employed(r.Context(), merchant); err != nil {
		return nil, PositionHeader{}, err
	}
	results, last := s.resultsOf(r.Context(), s.tellEach(r.Context(), cause, merchant, asked.Updates))
	return results, last, nil
}

// check refuses what would be judged for no order at all.
func (b *updatesBody) check() error {
	if count := len(b.Updates); count < 1 || count > mostUpdates {
		return refusedField("body.updates", fmt.Sprintf("has %d updates; 1 to %d are taken at a time", count, mostUpdates))
	}
	for i, u := range b.Updates {
		if u.Number == "" {
			return refusedField(fmt.Sprintf("body.updates[%d].number", i), "is required")
		}
		if u.Type == "" {
			return refusedField(fmt.Sprintf("body.updates[%d].type", i), "is required")
		}
	}
	return nil
}

// resultsOf tells what became of updates, and the last position that was written.
func (s *Server) resultsOf(ctx context.Context, told []toldUpdate) (results []updateResult, last PositionHeader) {
	results = make([]updateResult, len(told))
	for i, one := range told {
		results[i] = updateResult{Number: one.number, OrderID: one.order, Status: http.StatusCreated}
		if one.err != nil {
			results[i].Problem = s.judge(ctx, inUpdate(i, one.err))
			results[i].Status = results[i].Problem.Status
		}
		last.Position = max(last.Position, one.at.Position)
	}
	return results, last
}

// inUpdate is an error whose refused field, if it has one, is an update's.
func inUpdate(i int, err error) error {
	if refusal := (*decide.Refusal)(nil); errors.As(err, &refusal) && refusal.Field != "" {
		return decide.At(fmt.Sprintf("updates[%d].%s", i, refusal.Field), err)
	}
	return err
}

// toldUpdate is an update that was carried out or refused.
type toldUpdate struct {
	number string
	order  uuid.UUID
	at     PositionHeader
	err    error
}

// tellEach carries out updates: those of one order one after the other.
func (s *Server) tellEach(ctx context.Context, cause events.Cause, merchant uuid.UUID, updates []numberedUpdate) []toldUpdate {
	told := make([]toldUpdate, len(updates))
	byOrder := make(map[uuid.UUID][]int)
	for i := range updates {
		told[i].number, told[i].order = updates[i].Number, events.OrderID(merchant, updates[i].Number)
		byOrder[told[i].order] = append(byOrder[told[i].order], i)
	}
	var group errgroup.Group
	group.SetLimit(ordersAtOnce)
	for _, numbers := range byOrder {
		group.Go(func() error {
			for _, i := range numbers {
				told[i].at, told[i].err = s.tellOne(ctx, keyedBy(cause, i), told[i].order, &updates[i])
			}
			return nil
		})
	}
	_ = group.Wait() // each update has its own error
	return told
}

func (s *Server) tellOne(ctx context.Context, cause events.Cause, order uuid.UUID, u *numberedUpdate) (PositionHeader, error) {
	told, err := s.Commands.UpdateOrder(ctx, cause, order, u.update(callerOf(ctx).User))
	if err != nil {
		return PositionHeader{}, err
	}
	return s.toldAt(ctx, order, told)
}

// keyedBy is the cause of the part of a request that has a number.
func keyedBy(cause events.Cause, part int) events.Cause {
	if cause.IdempotencyKey != "" {
		cause.IdempotencyKey += " " + strconv.Itoa(part)
	}
	return cause
}
