package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) merchantRoutes() {
	tags, gone := []string{"merchants"}, []int{http.StatusNotFound}
	register(s, usersOr(Operator), huma.Operation{
		OperationID: "registerMerchant", Method: http.MethodPost, Path: "/v1/merchants",
		Summary:     "Register a merchant",
		Description: "The user who does is its first owner. An operator names the owners, if any.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: smallBody,
	}, s.registerMerchant)
	register(s, users(), huma.Operation{
		OperationID: "listMerchants", Method: http.MethodGet, Path: "/v1/merchants",
		Summary: "The merchants that the caller acts for", Tags: tags,
	}, s.listMerchants)
	register(s, signedIn(), huma.Operation{
		OperationID: "getMerchant", Method: http.MethodGet, Path: "/v1/merchants/{id}",
		Summary: "A merchant", Tags: tags, Errors: gone,
	}, s.getMerchant)
	register(s, usersOr(Operator), huma.Operation{
		OperationID: "listAgents", Method: http.MethodGet, Path: "/v1/merchants/{id}/agents",
		Summary: "Who acts for a merchant", Description: "For its agents and operators.", Tags: tags, Errors: gone,
	}, s.listAgents)
	register(s, usersOr(Operator), huma.Operation{
		OperationID: "addAgent", Method: http.MethodPost, Path: "/v1/merchants/{id}/agents",
		Summary:     "Let a user act for a merchant",
		Description: "For its owners and operators. An agent is in all conversations of the merchant.",
		Tags:        tags, DefaultStatus: http.StatusNoContent, MaxBodyBytes: smallBody, Errors: append(gone, http.StatusConflict),
	}, s.addAgent)
	register(s, usersOr(Operator), huma.Operation{
		OperationID: "removeAgent", Method: http.MethodDelete, Path: "/v1/merchants/{id}/agents/{user}",
		Summary: "End that a user acts for a merchant", Description: "For its owners, operators, and the agent.",
		Tags: tags, Errors: append(gone, http.StatusConflict),
	}, s.removeAgent)
	register(s, users(), huma.Operation{
		OperationID: "linkCustomer", Method: http.MethodPost, Path: "/v1/merchants/{id}/customers",
		Summary:     "Opt in to a merchant",
		Description: "For the customer, as at a checkout: from now on the merchant may write to them, in the one conversation of the two. Who has opted in is answered 200.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: smallBody, Errors: gone,
	}, s.linkCustomer)
	s.documentStatus("/v1/merchants/{id}/customers", http.MethodPost, http.StatusOK, "The customer had opted in", optIn{})
	register(s, users(), huma.Operation{
		OperationID: "unlinkCustomer", Method: http.MethodDelete, Path: "/v1/merchants/{id}/customers/{user}",
		Summary: "Leave a merchant", Description: "For the customer. The conversation stays, and nobody writes in it any more.",
		Tags: tags,
	}, s.unlinkCustomer)
	register(s, users(), huma.Operation{
		OperationID: "listCustomers", Method: http.MethodGet, Path: "/v1/merchants/{id}/customers",
		Summary: "A merchant's customers", Description: "For its agents. Who opted in last comes first.", Tags: tags, Errors: gone,
	}, s.listCustomers)
	register(s, users(), huma.Operation{
		OperationID: "getCustomer", Method: http.MethodGet, Path: "/v1/merchants/{id}/customers/{user}",
		Summary: "Who a customer is and what they bought", Description: "For the merchant's agents.", Tags: tags, Errors: gone,
	}, s.getCustomer)
	register(s, users(), huma.Operation{
		OperationID: "listMerchantConversations", Method: http.MethodGet, Path: "/v1/merchants/{id}/conversations",
		Summary: "A merchant's conversations", Description: "For its agents. Newest activity first.", Tags: tags, Errors: gone,
	}, s.listMerchantConversations)
}

type merchantBody struct {
	Name   string      `json:"name" doc:"1 to 100 characters on one line."`
	Agents []uuid.UUID `json:"agents,omitempty" nullable:"true" doc:"Users who own the merchant, besides the caller."`
}

type (
	merchantInput struct {
		KeyHeader
		Body merchantBody
	}
	merchantOutput struct {
		PositionHeader
		Body projections.Merchant
	}
)

func (s *Server) registerMerchant(ctx context.Context, in *merchantInput) (*merchantOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	caller := callerOf(ctx)
	owners := in.Body.Agents
	if caller.User != uuid.Nil {
		owners = append([]uuid.UUID{caller.User}, owners...)
	}
	written, err := s.Commands.RegisterMerchant(ctx, cause, decide.MerchantRegistration{Name: in.Body.Name, Owners: owners})
	if err != nil {
		return nil, err
	}
	fact := written[0].Fact.(*events.MerchantRegistered)
	return &merchantOutput{
		PositionHeader{uint64(written[len(written)-1].Position)},
		projections.Merchant{ID: fact.Merchant, Name: fact.Name, RegisteredAt: written[0].Meta.OccurredAt},
	}, nil
}

type merchantsOutput struct {
	Body merchants
}

type merchants struct {
	Merchants []projections.Merchant `json:"merchants"`
}

func (s *Server) listMerchants(ctx context.Context, in *WaitHeader) (*merchantsOutput, error) {
	if err := s.reaches(ctx, projections.MerchantsName, in.Position); err != nil {
		return nil, err
	}
	found, err := s.Views.Merchants.Of(ctx, callerOf(ctx).User)
	return &merchantsOutput{merchants{found}}, err
}

type merchantIDInput struct {
	WaitHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

type merchantViewOutput struct {
	Body projections.Merchant
}

func (s *Server) getMerchant(ctx context.Context, in *merchantIDInput) (*merchantViewOutput, error) {
	if err := s.reaches(ctx, projections.MerchantsName, in.Position); err != nil {
		return nil, err
	}
	found, err := s.Views.Merchants.Get(ctx, in.ID)
	return &merchantViewOutput{found}, err
}

// employed refuses everybody who does not act for a merchant, at this moment
// of the log; an operator is no agent.
func (s *Server) employed(ctx context.Context, merchant uuid.UUID) error {
	return s.Commands.ActsFor(ctx, merchant, callerOf(ctx).User)
}

type agentsOutput struct {
	Body agents
}

type agents struct {
	Agents []projections.Agent `json:"agents"`
}

func (s *Server) listAgents(ctx context.Context, in *merchantIDInput) (*agentsOutput, error) {
	if !callerOf(ctx).Has(Operator) {
		if err := s.employed(ctx, in.ID); err != nil {
			return nil, err
		}
	}
	if err := s.reaches(ctx, projections.MerchantsName, in.Position); err != nil {
		return nil, err
	}
	if _, err := s.Views.Merchants.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	found, err := s.Views.Merchants.Agents(ctx, in.ID)
	return &agentsOutput{agents{found}}, err
}

type agentInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		UserID uuid.UUID        `json:"userId" format:"uuid"`
		Role   events.AgentRole `json:"role,omitempty" enum:"owner,agent" doc:"agent if absent. Owners let agents in and out."`
	}
}

// asOwner is who changes a merchant's agents: a user, or zero for an operator.
func asOwner(caller *Caller) uuid.UUID {
	if caller.Has(Operator) {
		return uuid.Nil
	}
	return caller.User
}

func (s *Server) addAgent(ctx context.Context, in *agentInput) (*PositionHeader, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.Role == "" {
		in.Body.Role = events.PlainAgent
	}
	written, err := s.Commands.AddAgent(ctx, cause, in.ID, asOwner(callerOf(ctx)), in.Body.UserID, in.Body.Role)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.MerchantStream(in.ID), written)
	return &out, err
}

type removeAgentInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	User uuid.UUID `path:"user" format:"uuid"`
}

func (s *Server) removeAgent(ctx context.Context, in *removeAgentInput) (*PositionHeader, error) {
	written, err := s.Commands.RemoveAgent(ctx, causeOf(ctx, ""), in.ID, asOwner(callerOf(ctx)), in.User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.MerchantStream(in.ID), written)
	return &out, err
}

type (
	linkInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body struct {
			UserID  *uuid.UUID `json:"userId,omitempty" nullable:"true" format:"uuid" doc:"The caller, if absent. Nobody opts in for somebody else."`
			Consent string     `json:"consent" doc:"What the customer agrees to, in the words they see; 1 to 2,000 characters."`
		}
	}
	linkOutput struct {
		PositionHeader
		Status int
		Body   optIn
	}
)

// optIn is a customer's tie to a merchant.
type optIn struct {
	MerchantID     uuid.UUID `json:"merchantId"`
	CustomerID     uuid.UUID `json:"customerId"`
	ConversationID uuid.UUID `json:"conversationId"`
}

func (s *Server) linkCustomer(ctx context.Context, in *linkInput) (*linkOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	customer := callerOf(ctx).User
	if in.Body.UserID != nil && *in.Body.UserID != customer {
		return nil, newProblem(http.StatusForbidden, "only the customer can opt in, with a token of their own")
	}
	written, err := s.Commands.LinkCustomer(ctx, cause, in.ID, decide.Consent{Customer: customer, Text: in.Body.Consent, Source: decide.FromCheckout})
	if err != nil {
		return nil, err
	}
	out := &linkOutput{Status: http.StatusCreated, Body: optIn{in.ID, customer, events.BusinessID(in.ID, customer)}}
	if len(written) == 0 {
		out.Status = http.StatusOK
	}
	out.PositionHeader, err = s.writtenAt(ctx, events.MerchantStream(in.ID), written)
	return out, err
}

func (s *Server) unlinkCustomer(ctx context.Context, in *removeAgentInput) (*PositionHeader, error) {
	if in.User != callerOf(ctx).User {
		return nil, newProblem(http.StatusForbidden, "only the customer can leave a merchant, with a token of their own")
	}
	written, err := s.Commands.UnlinkCustomer(ctx, causeOf(ctx, ""), in.ID, in.User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.MerchantStream(in.ID), written)
	return &out, err
}

type (
	customersInput struct {
		WaitHeader
		ID     uuid.UUID `path:"id" format:"uuid"`
		Before uint64    `query:"before" doc:"As a page's next has it."`
		Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	customersOutput struct {
		Body projections.CustomerPage
	}
)

func (s *Server) listCustomers(ctx context.Context, in *customersInput) (*customersOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.MerchantsName, in.Position); err != nil {
		return nil, err
	}
	page, err := s.Views.Merchants.Customers(ctx, in.ID, events.Position(in.Before), in.Limit)
	return &customersOutput{page}, err
}

type (
	cardInput struct {
		WaitHeader
		ID     uuid.UUID `path:"id" format:"uuid"`
		User   uuid.UUID `path:"user" format:"uuid"`
		Cursor string    `query:"cursor" maxLength:"64" doc:"As orders.next has it."`
		Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"20"`
	}
	cardOutput struct {
		Body ready[card]
	}
)

// card is who a customer is to a merchant.
type card struct {
	CardHead
	OpenOrders []projections.Order   `json:"openOrders"`
	Orders     projections.OrderPage `json:"orders"`
}

// CardHead is a card without orders, which go from the view to the answer as
// they are. It is exported, or the API's description would lack its fields.
type CardHead struct {
	// User is null once the customer was erased.
	User       *projections.User `json:"user"`
	MerchantID uuid.UUID         `json:"merchantId"`
	projections.CustomerLink
	// Spending is by currency.
	Spending  []projections.Spending `json:"spending"`
	OpenCases []projections.Case     `json:"openCases"`
}

// with is the JSON of a card.
func (c *CardHead) with(openOrders, page []byte) (ready[card], error) {
	head, err := json.Marshal(c)
	if err != nil {
		return ready[card]{}, err
	}
	return ready[card]{slices.Concat(head[:len(head)-1], []byte(`,"openOrders":`), openOrders, []byte(`,"orders":`), page, []byte("}"))}, nil
}

// openShown bounds how many open orders a card shows by themselves.
const openShown = 20

func (s *Server) getCustomer(ctx context.Context, in *cardInput) (*cardOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	for _, view := range []string{projections.MerchantsName, projections.OrdersName, projections.CasesName, projections.UsersName} {
		if err := s.reaches(ctx, view, in.Position); err != nil {
			return nil, err
		}
	}
	c := CardHead{MerchantID: in.ID}
	var err error
	if c.CustomerLink, err = s.Views.Merchants.Customer(ctx, in.ID, in.User); err != nil {
		return nil, err
	}
	user, err := s.Views.Users.Get(ctx, in.User)
	if err == nil {
		c.User = &user
	} else if !errors.Is(err, projections.ErrNotFound) {
		return nil, err
	}
	if c.Spending, err = s.Views.Orders.Spending(ctx, in.ID, in.User); err != nil {
		return nil, err
	}
	if c.OpenCases, err = s.Views.Cases.OpenOf(ctx, c.ConversationID); err != nil {
		return nil, err
	}
	of := projections.OrderList{Merchant: in.ID, Customer: in.User, OnlyOpen: true, Limit: openShown}
	openOrders, _, err := s.Views.Orders.ListJSON(ctx, of)
	if err != nil {
		return nil, err
	}
	of.OnlyOpen, of.Cursor, of.Limit = false, in.Cursor, in.Limit
	page, err := s.orderPage(ctx, of, "/v1/merchants/"+in.ID.String()+"/customers/"+in.User.String())
	if err != nil {
		return nil, err
	}
	body, err := c.with(openOrders, page)
	return &cardOutput{body}, err
}

type (
	conversationsOfInput struct {
		WaitHeader
		ID     uuid.UUID `path:"id" format:"uuid"`
		Cursor string    `query:"cursor" maxLength:"512" doc:"As a page's next has it."`
		Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	conversationsOfOutput struct {
		Body projections.Inbox
	}
)

func (s *Server) listMerchantConversations(ctx context.Context, in *conversationsOfInput) (*conversationsOfOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.ConversationsName, in.Position); err != nil {
		return nil, err
	}
	page, err := s.Views.Conversations.OfMerchant(ctx, in.ID, in.Cursor, in.Limit)
	if err != nil {
		return nil, badCursor(err)
	}
	if page.Next != nil {
		next := nextPage("/v1/merchants/"+in.ID.String()+"/conversations", *page.Next, in.Limit, nil)
		page.Next = &next
	}
	return &conversationsOfOutput{page}, nil
}

// badCursor names the field of a cursor that is none.
func badCursor(err error) error {
	if errors.Is(err, projections.ErrCursor) {
		return refusedField("query.cursor", "is not one that this list gave you")
	}
	return err
}

// nextPage is the path of the page that a cursor begins.
func nextPage(path, cursor string, limit int, more url.Values) string {
	query := url.Values{"cursor": {cursor}, "limit": {strconv.Itoa(limit)}}
	for name, values := range more {
		query[name] = values
	}
	return path + "?" + query.Encode()
}
