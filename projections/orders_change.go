package projections

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// OrderData is the data of an order that has changed: the order in short, as it
// stands when it is told. Names and units are those of Order.
type OrderData struct {
	ID                uuid.UUID          `json:"id"`
	Number            string             `json:"number"`
	MerchantID        uuid.UUID          `json:"merchantId"`
	CustomerID        uuid.UUID          `json:"customerId"`
	ConversationID    uuid.UUID          `json:"conversationId"`
	Status            string             `json:"status"`
	CancelCause       events.CancelCause `json:"cancelCause"`
	Return            decide.ReturnState `json:"return"`
	Currency          string             `json:"currency"`
	Exponent          int                `json:"exponent"`
	Total             events.Money       `json:"total"`
	Paid              events.Money       `json:"paid"`
	Refunded          events.Money       `json:"refunded"`
	Carrier           string             `json:"carrier"`
	TrackingNumber    string             `json:"trackingNumber"`
	EstimatedDelivery *time.Time         `json:"estimatedDelivery"`
	Location          *OrderLocation     `json:"location"`
	UpdatedAt         time.Time          `json:"updatedAt"`
}

const orderPrefix = "order-"

// toldOrder is the order that an event changed, if its conversation is told of
// the event.
func toldOrder(recorded events.Recorded) (step events.OrderStep, told bool, err error) {
	if _, known := orderFacts[recorded.Type]; !known || !strings.HasPrefix(recorded.Stream, orderPrefix) {
		return step, false, nil
	}
	event, err := events.Decode(recorded)
	if err != nil {
		return step, false, err
	}
	fact, ok := event.Fact.(events.OrderFact)
	if !ok {
		return step, false, nil
	}
	return *fact.Step(), !fact.Step().Untold, nil
}

// change tells what an event has changed of an order. It is folded from the
// log, so that it waits for no other view than those of the conversations.
func (o *Orders) change(ctx context.Context, recorded events.Recorded) (Change, bool, error) {
	step, told, err := toldOrder(recorded)
	if err != nil || !told {
		return Change{}, false, err
	}
	change := Change{Position: recorded.Position, ConversationID: events.BusinessID(step.Merchant, step.Customer), Name: OrderChange}
	err = o.folds.with(ctx, step.Order, nil, func(f *fold) (err error) {
		order := &f.order
		change.Data, err = json.Marshal(OrderData{
			ID: order.ID, Number: order.Number, MerchantID: order.MerchantID, CustomerID: order.CustomerID, ConversationID: order.ConversationID,
			Status: order.Status, CancelCause: order.CancelCause, Return: order.Return, Currency: order.Currency, Exponent: order.Exponent,
			Total: order.Total, Paid: order.Paid, Refunded: order.Refunded, Carrier: order.Carrier, TrackingNumber: order.TrackingNumber,
			EstimatedDelivery: order.EstimatedDelivery, Location: order.Location, UpdatedAt: order.UpdatedAt,
		})
		return err
	})
	return change, err == nil, err
}

// Orders of which conversations were told after a position.
const (
	changedForCustomer = `SELECT id, merchant, customer FROM orders WHERE customer = $1 AND changed > $2`
	changedForMerchant = `SELECT id, merchant, customer FROM orders WHERE merchant = $1 AND changed > $2`
)

// changedSince lists a customer's orders of which conversations were told after
// a position, by the conversation.
func (o *Orders) changedSince(ctx context.Context, customer uuid.UUID, after events.Position) (map[uuid.UUID]uuid.UUID, error) {
	return o.changed(ctx, changedForCustomer, customer, after)
}

// changedOf is changedSince for a merchant's orders.
func (o *Orders) changedOf(ctx context.Context, merchant uuid.UUID, after events.Position) (map[uuid.UUID]uuid.UUID, error) {
	return o.changed(ctx, changedForMerchant, merchant, after)
}

func (o *Orders) changed(ctx context.Context, query string, whose uuid.UUID, after events.Position) (map[uuid.UUID]uuid.UUID, error) {
	rows, err := o.store.Query(ctx, query, whose[:], int64(min(after, newest)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	changed := make(map[uuid.UUID]uuid.UUID)
	for rows.Next() {
		var columns [3][]byte
		var ids [3]uuid.UUID
		if err := rows.Scan(&columns[0], &columns[1], &columns[2]); err != nil {
			return nil, err
		}
		for i, column := range columns {
			if ids[i], err = idFrom(column); err != nil {
				return nil, err
			}
		}
		changed[ids[0]] = events.BusinessID(ids[1], ids[2])
	}
	return changed, rows.Err()
}
