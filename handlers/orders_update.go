package handlers

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

// orderUpdateRoutes are served without huma between: updates are most of what
// shops and carriers send.
func (s *Server) orderUpdateRoutes() {
	tags, refusals := []string{"orders"}, []int{http.StatusNotFound, http.StatusConflict}
	serve[updateInput, updateOutput](s, users(), huma.Operation{
		OperationID: "updateOrder", Method: http.MethodPost, Path: "/v1/orders/{id}/updates",
		Summary:     "Tell what happened to an order",
		Description: "For the merchant's agents. What comes late or out of order says when it was in occurredAt. An update that was told before changes nothing and is answered with the order.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: smallBody, Errors: refusals,
	}, s.updateOrder)
	serve[updatesInput, updatesOutput](s, users(), huma.Operation{
		OperationID: "updateOrders", Method: http.MethodPost, Path: "/v1/merchants/{id}/updates",
		Summary: "Tell what happened to many orders",
		Description: "For the merchant's agents, as a shop or its carrier sends what has gathered. Each update is judged by itself, those of one order in the order given; " +
			"what one is refused for does not stop the others. With an Idempotency-Key all of them can be sent again: those that were told are not told twice.",
		Tags: tags, MaxBodyBytes: messageBody, Errors: refusals[:1],
	}, s.updateOrders)
}

// The input and the output document what the handlers below read and write.
type (
	updateInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body UpdateBody
	}
	updateOutput struct {
		PositionHeader
		Body projections.OrderView
	}
)

// UpdateBody is an update of an order.
type UpdateBody struct {
	Type           decide.UpdateType  `json:"type" enum:"paid,confirmed,invoiced,packed,shipped,located,outForDelivery,delivered,delayed,cancelled,requestAccepted,requestDeclined,returnReceived,refunded"`
	OccurredAt     *time.Time         `json:"occurredAt,omitempty" nullable:"true" doc:"When it happened; now, if absent."`
	Carrier        string             `json:"carrier,omitempty" doc:"For shipped."`
	TrackingNumber string             `json:"trackingNumber,omitempty" doc:"For shipped."`
	Place          string             `json:"place,omitempty" doc:"For located."`
	Latitude       *float64           `json:"latitude,omitempty" nullable:"true" doc:"For located, in degrees."`
	Longitude      *float64           `json:"longitude,omitempty" nullable:"true" doc:"For located, in degrees."`
	Estimate       *time.Time         `json:"estimatedDelivery,omitempty" nullable:"true" doc:"For delayed."`
	Reason         string             `json:"reason,omitempty" doc:"For delayed, cancelled, refunded and the answers to requests."`
	Cause          events.CancelCause `json:"cause,omitempty" enum:"merchant,customer,unavailable" doc:"For cancelled; merchant if absent."`
	Amount         *int64             `json:"amount,omitempty" nullable:"true" doc:"For paid and refunded, in minor units."`
	Method         string             `json:"method,omitempty" doc:"For paid."`
	Request        *uint64            `json:"request,omitempty" nullable:"true" maximum:"9007199254740991" doc:"For requestAccepted and requestDeclined: the request's number. It may be absent if only one is open."`
}

func (b *UpdateBody) update(by uuid.UUID) decide.Update {
	return decide.Update{
		Type: b.Type, By: by, At: givenTime(b.OccurredAt), Carrier: b.Carrier, TrackingNumber: b.TrackingNumber,
		Place: b.Place, Latitude: b.Latitude, Longitude: b.Longitude, Estimate: givenTime(b.Estimate), Reason: b.Reason,
		Cause: b.Cause, Amount: b.Amount, Method: b.Method, Request: b.Request,
	}
}

func (s *Server) updateOrder(w http.ResponseWriter, r *http.Request) {
	out, err := s.update(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	tellPosition(w, out.Position)
	send(w, http.StatusCreated, out.Body.json)
}

func (s *Server) update(w http.ResponseWriter, r *http.Request) (*orderOutput, error) {
	order, err := pathID(r, "id")
	if err != nil {
		return nil, err
	}
	cause, err := keyedCause(r)
	if err != nil {
		return nil, err
	}
	var told UpdateBody
	if err := s.decodeBody(w, r, smallBody, &told); err != nil {
		return nil, err
	}
	if told.Type == "" {
		return nil, refusedField("body.type", "is required")
	}
	wrote, err := s.Commands.UpdateOrder(r.Context(), cause, order, told.update(callerOf(r.Context()).User))
	if err != nil {
		return nil, err
	}
	return s.orderAt(r.Context(), order, wrote)
}
