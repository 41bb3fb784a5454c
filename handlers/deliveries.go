package handlers

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers/webhooks"
)

func (s *Server) deliveryRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "listDeliveries", Method: http.MethodGet, Path: "/v1/apps/{id}/deliveries",
		Summary:     "What an app was told, and what came of it",
		Description: "For its owner, newest first: the last 10,000 deliveries of the last 7 days, and all that wait.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound},
	}, s.listDeliveries)
	register(s, users(), huma.Operation{
		OperationID: "replayDelivery", Method: http.MethodPost, Path: "/v1/apps/{id}/deliveries/{number}/replay",
		Summary:     "Make a delivery once more",
		Description: "For the app's owner. It is queued behind what waits, with the same event_id.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.replayDelivery)
	register(s, users(), huma.Operation{
		OperationID: "replayDeliveries", Method: http.MethodPost, Path: "/v1/apps/{id}/deliveries/replay",
		Summary:      "Make deliveries once more, from one number to another",
		Description:  "For the app's owner; at most the first 1,000 of them. Those that wait, or of conversations that the app is not in any more, are left out.",
		Tags:         []string{"apps"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.replayDeliveries)
}

type deliveriesInput struct {
	ID     uuid.UUID `path:"id" format:"uuid"`
	Before int64     `query:"before" minimum:"1" doc:"Only deliveries of smaller numbers."`
	State  string    `query:"state" enum:"waiting,delivered,failed,dropped" doc:"Only deliveries in this state."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type deliveriesOutput struct {
	Body deliveryPage
}

type deliveryPage struct {
	Deliveries []webhooks.Delivery `json:"deliveries"`
	// Next is the path of the following page, or null on the last one.
	Next *string `json:"next"`
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	if _, err := s.ownApp(ctx, in.ID); err != nil {
		return nil, err
	}
	found, err := s.Webhooks.Deliveries(ctx, in.ID, webhooks.Listed{Before: in.Before, State: in.State, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	page := deliveryPage{Deliveries: found}
	if len(found) > in.Limit {
		page.Deliveries = found[:in.Limit]
		query := url.Values{"before": {strconv.FormatInt(found[in.Limit-1].Number, 10)}, "limit": {strconv.Itoa(in.Limit)}}
		if in.State != "" {
			query.Set("state", in.State)
		}
		next := "/v1/apps/" + in.ID.String() + "/deliveries?" + query.Encode()
		page.Next = &next
	}
	return &deliveriesOutput{page}, nil
}

type replayDeliveryInput struct {
	KeyHeader
	ID     uuid.UUID `path:"id" format:"uuid"`
	Number int64     `path:"number" minimum:"1"`
}

type replayDeliveriesInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		From int64 `json:"from" minimum:"1" doc:"The first delivery's number."`
		To   int64 `json:"to" minimum:"1" doc:"The last one's."`
	}
}

type replayedOutput struct {
	Body webhooks.Replayed
}

func (s *Server) replayDelivery(ctx context.Context, in *replayDeliveryInput) (*replayedOutput, error) {
	return s.replay(ctx, in.KeyHeader, webhooks.Replay{App: in.ID, From: in.Number, To: in.Number})
}

func (s *Server) replayDeliveries(ctx context.Context, in *replayDeliveriesInput) (*replayedOutput, error) {
	if in.Body.To < in.Body.From {
		return nil, refusedField("body.to", "must not be smaller than from")
	}
	return s.replay(ctx, in.KeyHeader, webhooks.Replay{App: in.ID, From: in.Body.From, To: in.Body.To})
}

func (s *Server) replay(ctx context.Context, key KeyHeader, asked webhooks.Replay) (*replayedOutput, error) {
	cause, err := key.cause(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.ownApp(ctx, asked.App); err != nil {
		return nil, err
	}
	if cause.IdempotencyKey != "" {
		asked.Key = events.KeyedID(cause.Actor, cause.IdempotencyKey)
	}
	made, err := s.Webhooks.Replay(ctx, asked)
	return &replayedOutput{made}, err
}
