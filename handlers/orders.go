package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) orderRoutes() {
	s.orderUpdateRoutes()
	tags, refusals := []string{"orders"}, []int{http.StatusNotFound, http.StatusConflict}
	placing := "For the merchant's agents, to a customer who has opted in. Amounts are in minor units of the currency, " +
		"and subtotal + shipping + tax - adjustments must be the total."
	register(s, users(), huma.Operation{
		OperationID: "placeOrder", Method: http.MethodPost, Path: "/v1/merchants/{id}/orders",
		Summary: "Place an order", Description: placing,
		Tags: tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: messageBody, Errors: refusals,
	}, func(ctx context.Context, in *placeInput) (*orderOutput, error) {
		return s.place(ctx, in, s.Commands.PlaceOrder)
	})
	register(s, users(), huma.Operation{
		OperationID: "offerOrder", Method: http.MethodPost, Path: "/v1/merchants/{id}/offers",
		Summary:     "Offer an order",
		Description: placing + " The customer buys it with a thumbs-up to its message, or with a request of type buy.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: messageBody, Errors: refusals,
	}, func(ctx context.Context, in *placeInput) (*orderOutput, error) {
		return s.place(ctx, in, s.Commands.OfferOrder)
	})
	register(s, users(), huma.Operation{
		OperationID: "listMerchantOrders", Method: http.MethodGet, Path: "/v1/merchants/{id}/orders",
		Summary: "A merchant's orders", Description: "For its agents. Newest first.", Tags: tags, Errors: refusals[:1],
	}, s.listMerchantOrders)
	register(s, users(), huma.Operation{
		OperationID: "listOrders", Method: http.MethodGet, Path: "/v1/orders",
		Summary: "What the caller has bought", Description: "Newest first.", Tags: tags,
	}, s.listOrders)
	register(s, users(), huma.Operation{
		OperationID: "getOrder", Method: http.MethodGet, Path: "/v1/orders/{id}",
		Summary: "An order with its timeline", Description: "For its customer and the merchant's agents. The timeline is in the order of what happened.",
		Tags: tags, Errors: refusals[:1],
	}, s.getOrder)
	register(s, users(), huma.Operation{
		OperationID: "requestOfOrder", Method: http.MethodPost, Path: "/v1/orders/{id}/requests",
		Summary:     "Ask to cancel, change or return an order, or buy what was offered",
		Description: "For its customer. The merchant answers with an update of type requestAccepted or requestDeclined.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: smallBody, Errors: refusals,
	}, s.requestOfOrder)
}

type (
	placeInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body placeBody
	}
	orderOutput struct {
		PositionHeader
		Body ready[projections.OrderView]
	}
)

type placeBody struct {
	CustomerID uuid.UUID  `json:"customerId" format:"uuid"`
	Number     string     `json:"number,omitempty" doc:"The merchant's own number for the order, up to 64 characters, each used once; made up if absent."`
	Currency   string     `json:"currency" doc:"ISO 4217." example:"EUR"`
	Lines      []lineBody `json:"lines,omitempty" nullable:"true" doc:"At most 500."`
	Subtotal   *int64     `json:"subtotal,omitempty" nullable:"true" doc:"What the lines come to."`
	Shipping   int64      `json:"shipping,omitempty"`
	Tax        int64      `json:"tax,omitempty"`
	// Adjustments are taken off the total.
	Adjustments   []adjustmentBody `json:"adjustments,omitempty" nullable:"true" doc:"Amounts that are taken off the total."`
	Total         int64            `json:"total"`
	Paid          *int64           `json:"paid,omitempty" nullable:"true" doc:"What of the total is paid; all of it if absent."`
	PaymentMethod string           `json:"paymentMethod,omitempty" doc:"As people read it: Visa 1234."`
	Address       *addressBody     `json:"address,omitempty"`
	Estimate      *time.Time       `json:"estimatedDelivery,omitempty" nullable:"true"`
	PlacedAt      *time.Time       `json:"placedAt,omitempty" nullable:"true" doc:"Now, if absent."`
}

type lineBody struct {
	Title     string `json:"title"`
	Subtitle  string `json:"subtitle,omitempty"`
	SKU       string `json:"sku,omitempty"`
	ImageURL  string `json:"imageUrl,omitempty"`
	Quantity  int64  `json:"quantity"`
	UnitPrice *int64 `json:"unitPrice,omitempty" nullable:"true" doc:"The price of each."`
	Amount    *int64 `json:"amount,omitempty" nullable:"true" doc:"The price of the whole line; one of the two is required."`
}

type adjustmentBody struct {
	Name   string `json:"name,omitempty"`
	Amount int64  `json:"amount"`
}

type addressBody struct {
	Name       string `json:"name,omitempty"`
	Street1    string `json:"street1,omitempty"`
	Street2    string `json:"street2,omitempty"`
	City       string `json:"city,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	State      string `json:"state,omitempty"`
	Country    string `json:"country,omitempty" doc:"ISO 3166-1, two letters." example:"BR"`
}

func (a *addressBody) address() *events.Address {
	if a == nil {
		return nil
	}
	address := events.Address(*a)
	return &address
}

// placement is what the body asks for.
func (b *placeBody) placement(merchant, by uuid.UUID) decide.Placement {
	p := decide.Placement{
		Merchant: merchant, Customer: b.CustomerID, By: by, Number: b.Number, Currency: b.Currency, Subtotal: b.Subtotal,
		Shipping: b.Shipping, Tax: b.Tax, Total: b.Total, Paid: b.Paid, PaymentMethod: b.PaymentMethod, Address: b.Address.address(),
		Estimate: givenTime(b.Estimate), At: givenTime(b.PlacedAt),
	}
	for _, line := range b.Lines {
		p.Lines = append(p.Lines, decide.Line(line))
	}
	for _, adjustment := range b.Adjustments {
		p.Adjustments = append(p.Adjustments, events.Adjustment(adjustment))
	}
	return p
}

// givenTime is a time that may not be given.
func givenTime(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func (s *Server) place(ctx context.Context, in *placeInput, place func(context.Context, events.Cause, decide.Placement) (commands.Told, error)) (*orderOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	told, err := place(ctx, cause, in.Body.placement(in.ID, callerOf(ctx).User))
	if err != nil {
		return nil, err
	}
	return s.orderAt(ctx, told.Events[0].Fact.(events.OrderFact).Step().Order, told)
}

// orderAt answers a write with the order as it stands after it. It does not wait
// for the view, which would be most of what an update takes.
func (s *Server) orderAt(ctx context.Context, order uuid.UUID, told commands.Told) (*orderOutput, error) {
	at, err := s.toldAt(ctx, order, told)
	if err != nil {
		return nil, err
	}
	out := &orderOutput{PositionHeader: at}
	out.Body.json, err = s.Views.Orders.FoldJSON(ctx, order, told.Events...)
	return out, err
}

// toldAt is the position of what was told, or of the order's last fact if it was
// told before.
func (s *Server) toldAt(ctx context.Context, order uuid.UUID, told commands.Told) (PositionHeader, error) {
	if len(told.Events) > 0 {
		return PositionHeader{uint64(told.Position())}, nil
	}
	return s.writtenAt(ctx, events.OrderStream(order), nil)
}

type (
	orderListInput struct {
		WaitHeader
		Cursor string `query:"cursor" maxLength:"64" doc:"As a page's next has it."`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	merchantOrdersInput struct {
		WaitHeader
		ID     uuid.UUID `path:"id" format:"uuid"`
		Number string    `query:"number" doc:"The order's number, exactly; all orders if absent."`
		Cursor string    `query:"cursor" maxLength:"64" doc:"As a page's next has it."`
		Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	ordersOutput struct {
		Body ready[projections.OrderPage]
	}
)

func (s *Server) listMerchantOrders(ctx context.Context, in *merchantOrdersInput) (*ordersOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.listed(ctx, &orderListInput{in.WaitHeader, in.Cursor, in.Limit}, projections.OrderList{Merchant: in.ID, Number: in.Number}, "/v1/merchants/"+in.ID.String()+"/orders")
}

func (s *Server) listOrders(ctx context.Context, in *orderListInput) (*ordersOutput, error) {
	return s.listed(ctx, in, projections.OrderList{Customer: callerOf(ctx).User}, "/v1/orders")
}

func (s *Server) listed(ctx context.Context, in *orderListInput, list projections.OrderList, path string) (*ordersOutput, error) {
	if err := s.reaches(ctx, projections.OrdersName, in.Position); err != nil {
		return nil, err
	}
	list.Cursor, list.Limit = in.Cursor, in.Limit
	page, err := s.orderPage(ctx, list, path)
	return &ordersOutput{ready[projections.OrderPage]{page}}, err
}

// orderPage is the JSON of a projections.OrderPage.
func (s *Server) orderPage(ctx context.Context, list projections.OrderList, path string) ([]byte, error) {
	orders, cursor, err := s.Views.Orders.ListJSON(ctx, list)
	if err != nil {
		return nil, badCursor(err)
	}
	next := []byte("null")
	if cursor != "" {
		if next, err = json.Marshal(nextPage(path, cursor, list.Limit, nil)); err != nil {
			return nil, err
		}
	}
	return slices.Concat([]byte(`{"orders":`), orders, []byte(`,"next":`), next, []byte("}")), nil
}

type orderInput struct {
	WaitHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

type orderViewOutput struct {
	Body projections.OrderView
}

func (s *Server) getOrder(ctx context.Context, in *orderInput) (*orderViewOutput, error) {
	if err := s.Commands.AdmitToOrder(ctx, in.ID, callerOf(ctx).User); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.OrdersName, in.Position); err != nil {
		return nil, err
	}
	found, err := s.Views.Orders.Get(ctx, in.ID)
	return &orderViewOutput{found}, err
}

type requestInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Type    decide.RequestKind `json:"type" enum:"buy,cancel,change,return"`
		Note    string             `json:"note,omitempty" doc:"What the merchant should know."`
		Address *addressBody       `json:"address,omitempty" doc:"For change: where it should go instead."`
		Line    *uint64            `json:"line,omitempty" nullable:"true" maximum:"9007199254740991" doc:"For change: which line, counted from 0."`
		Variant string             `json:"variant,omitempty" doc:"For change: what the line should be instead, as another colour."`
	}
}

func (s *Server) requestOfOrder(ctx context.Context, in *requestInput) (*orderOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	told, err := s.Commands.RequestOfOrder(ctx, cause, in.ID, decide.Wish{
		Kind: b.Type, By: callerOf(ctx).User, Note: b.Note, Address: b.Address.address(), Line: b.Line, Variant: b.Variant,
	})
	if err != nil {
		return nil, err
	}
	return s.orderAt(ctx, in.ID, told)
}
