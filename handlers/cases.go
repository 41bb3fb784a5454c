package handlers

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) caseRoutes() {
	tags, refusals := []string{"cases"}, []int{http.StatusNotFound, http.StatusConflict}
	register(s, users(), huma.Operation{
		OperationID: "openCase", Method: http.MethodPost, Path: "/v1/conversations/{id}/cases",
		Summary:     "Open a case of after-sales service",
		Description: "For the customer and the merchant's agents, in their conversation.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: smallBody, Errors: refusals,
	}, s.openCase)
	register(s, users(), huma.Operation{
		OperationID: "listConversationCases", Method: http.MethodGet, Path: "/v1/conversations/{id}/cases",
		Summary: "The cases of a conversation", Tags: tags, Errors: refusals[:1],
	}, s.listConversationCases)
	register(s, users(), huma.Operation{
		OperationID: "listCases", Method: http.MethodGet, Path: "/v1/merchants/{id}/cases",
		Summary:     "A merchant's case inbox",
		Description: "For its agents. Unanswered cases come first, those that wait longest before the others.",
		Tags:        tags, Errors: refusals[:1],
	}, s.listCases)
	register(s, users(), huma.Operation{
		OperationID: "getService", Method: http.MethodGet, Path: "/v1/merchants/{id}/service",
		Summary: "How a merchant serves its customers", Description: "For its agents: times to the first answer and to the resolution.",
		Tags: tags, Errors: refusals[:1],
	}, s.getService)
	register(s, users(), huma.Operation{
		OperationID: "getCase", Method: http.MethodGet, Path: "/v1/cases/{id}",
		Summary: "A case with its history", Description: "For its customer and the merchant's agents.", Tags: tags, Errors: refusals[:1],
	}, s.getCase)
	register(s, users(), huma.Operation{
		OperationID: "handleCase", Method: http.MethodPatch, Path: "/v1/cases/{id}",
		Summary:     "Assign, answer, resolve or reopen a case",
		Description: "For the merchant's agents; the customer resolves and reopens. An answer is a message in the conversation, as any word of an agent there is.",
		Tags:        tags, MaxBodyBytes: messageBody, Errors: refusals,
	}, s.handleCase)
}

type (
	openCaseInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body struct {
			Subject string     `json:"subject" doc:"1 to 500 characters."`
			OrderID *uuid.UUID `json:"orderId,omitempty" nullable:"true" format:"uuid" doc:"The order it is about."`
			Message *uint64    `json:"message,omitempty" nullable:"true" maximum:"9007199254740991" doc:"The number of the message it is opened from."`
		}
	}
	caseOutput struct {
		PositionHeader
		Body projections.CaseView
	}
)

func (s *Server) openCase(ctx context.Context, in *openCaseInput) (*caseOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	complaint := decide.Complaint{By: callerOf(ctx).User, Subject: in.Body.Subject, Message: in.Body.Message}
	if in.Body.OrderID != nil {
		complaint.Order = *in.Body.OrderID
	}
	opened, err := s.Commands.OpenCase(ctx, cause, in.ID, complaint)
	if err != nil {
		return nil, err
	}
	return s.caseAt(ctx, opened.Fact.(*events.CaseOpened).Case, PositionHeader{uint64(opened.Position)})
}

// caseAt answers a write with the case as it stands after it.
func (s *Server) caseAt(ctx context.Context, kase uuid.UUID, at PositionHeader) (*caseOutput, error) {
	if err := s.reaches(ctx, projections.CasesName, at.Position); err != nil {
		return nil, err
	}
	found, err := s.Views.Cases.Get(ctx, kase)
	return &caseOutput{at, found}, err
}

type (
	casesInput struct {
		WaitHeader
		ID     uuid.UUID         `path:"id" format:"uuid"`
		Status decide.CaseStatus `query:"status" enum:"open,resolved" doc:"Both, if absent."`
		Cursor string            `query:"cursor" maxLength:"64" doc:"As a page's next has it."`
		Limit  int               `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	casesOutput struct {
		Body projections.CasePage
	}
)

func (s *Server) listConversationCases(ctx context.Context, in *casesInput) (*casesOutput, error) {
	if err := s.Commands.Admit(ctx, in.ID, callerOf(ctx).User); err != nil {
		return nil, err
	}
	return s.casePage(ctx, in, projections.CaseList{Conversation: in.ID}, "/v1/conversations/"+in.ID.String()+"/cases")
}

func (s *Server) listCases(ctx context.Context, in *casesInput) (*casesOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.casePage(ctx, in, projections.CaseList{Merchant: in.ID}, "/v1/merchants/"+in.ID.String()+"/cases")
}

func (s *Server) casePage(ctx context.Context, in *casesInput, list projections.CaseList, path string) (*casesOutput, error) {
	if err := s.reaches(ctx, projections.CasesName, in.Position); err != nil {
		return nil, err
	}
	list.Status, list.Cursor, list.Limit = in.Status, in.Cursor, in.Limit
	cases, cursor, err := s.Views.Cases.List(ctx, list)
	if err != nil {
		return nil, badCursor(err)
	}
	page := projections.CasePage{Cases: cases}
	if cursor != "" {
		more := url.Values{}
		if in.Status != "" {
			more.Set("status", string(in.Status))
		}
		next := nextPage(path, cursor, in.Limit, more)
		page.Next = &next
	}
	return &casesOutput{page}, nil
}

type (
	serviceInput struct {
		WaitHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		From string    `query:"from" doc:"Of cases opened since, a time or a date."`
		To   string    `query:"to" doc:"Of cases opened before."`
	}
	serviceOutput struct {
		Body projections.Service
	}
)

func (s *Server) getService(ctx context.Context, in *serviceInput) (*serviceOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	from, err := moment("query.from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := moment("query.to", in.To)
	if err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = endOfTime
	}
	if err := s.reaches(ctx, projections.CasesName, in.Position); err != nil {
		return nil, err
	}
	found, err := s.Views.Cases.Service(ctx, in.ID, from, to)
	return &serviceOutput{found}, err
}

// endOfTime is after every time that is written with four digits of a year.
var endOfTime = time.Date(10_000, time.January, 1, 0, 0, 0, 0, time.UTC)

type caseInput struct {
	WaitHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

type caseViewOutput struct {
	Body projections.CaseView
}

func (s *Server) getCase(ctx context.Context, in *caseInput) (*caseViewOutput, error) {
	if err := s.Commands.AdmitToCase(ctx, in.ID, callerOf(ctx).User); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.CasesName, in.Position); err != nil {
		return nil, err
	}
	found, err := s.Views.Cases.Get(ctx, in.ID)
	return &caseViewOutput{found}, err
}

type handleCaseInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Assignee *uuid.UUID        `json:"assignee,omitempty" nullable:"true" format:"uuid" doc:"An agent of the merchant; all zeroes for nobody."`
		Status   decide.CaseStatus `json:"status,omitempty" enum:"open,resolved" doc:"resolved ends the case, open takes it up again."`
		Note     string            `json:"note,omitempty" doc:"Why the status changes."`
		Answer   string            `json:"answer,omitempty" doc:"What to say in the conversation."`
	}
}

func (s *Server) handleCase(ctx context.Context, in *handleCaseInput) (*caseOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	handled, err := s.Commands.HandleCase(ctx, cause, in.ID, decide.Handling{
		By: callerOf(ctx).User, Assignee: in.Body.Assignee, Status: in.Body.Status, Note: in.Body.Note,
	}, in.Body.Answer)
	if err != nil {
		return nil, err
	}
	written := handled.Events
	if handled.Answer != nil {
		written = append([]events.Event{*handled.Answer}, written...)
	}
	at, err := s.writtenAt(ctx, events.CaseStream(in.ID), written)
	if err != nil {
		return nil, err
	}
	return s.caseAt(ctx, in.ID, at)
}
