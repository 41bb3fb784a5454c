package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) reportRoutes() {
	tags, path := []string{"reports"}, messagePath+"/report"
	register(s, users(), huma.Operation{
		OperationID: "reportMessage", Method: http.MethodPost, Path: path,
		Summary:     "Report a message to the operators",
		Description: "For participants, of what others posted. Nobody in the conversation is told. Each reports a message once: a repeat answers 200 with the first report.",
		Tags:        tags, DefaultStatus: http.StatusCreated, MaxBodyBytes: smallBody, Errors: []int{http.StatusNotFound},
	}, s.reportMessage)
	s.documentStatus(path, http.MethodPost, http.StatusOK, "The report that the caller has made before", ownReport{})
	register(s, scoped(Operator), huma.Operation{
		OperationID: "listReports", Method: http.MethodGet, Path: "/v1/reports",
		Summary:     "What people have reported",
		Description: "In the order in which it was. Each report comes with the message as it stood when it was reported, also if it was retracted, with links to its files that hold for an hour, and as it stands now. Nothing else of the conversation is shown.",
		Tags:        tags,
	}, s.listReports)
	register(s, scoped(Operator), huma.Operation{
		OperationID: "resolveReport", Method: http.MethodPost, Path: "/v1/reports/{id}/resolve",
		Summary:     "End a report",
		Description: "With what was found of it; what to do about the message or its author is another matter. Answers with the report. A second time with the same outcome does nothing.",
		Tags:        tags, MaxBodyBytes: smallBody, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.resolveReport)
}

type (
	reportInput struct {
		KeyHeader
		MessagePath
		Body struct {
			Reason string `json:"reason" doc:"Why, in 1 to 2,000 characters; operators see it."`
		}
	}
	// ownReport is a report as the one who made it sees it.
	ownReport struct {
		ID             uuid.UUID `json:"id"`
		ConversationID uuid.UUID `json:"conversationId"`
		Number         uint64    `json:"number"`
		Reason         string    `json:"reason"`
		ReportedAt     time.Time `json:"reportedAt"`
	}
	reportedOutput struct {
		PositionHeader
		Status int
		Body   ownReport
	}
)

func (s *Server) reportMessage(ctx context.Context, in *reportInput) (*reportedOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	event, existed, err := s.Commands.ReportMessage(ctx, cause, decide.Reporting{
		Conversation: in.ID, Number: in.Number, By: callerOf(ctx).User, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	fact := event.Fact.(*events.MessageReported)
	out := &reportedOutput{PositionHeader{uint64(event.Position)}, http.StatusCreated, ownReport{
		ID: fact.Report, ConversationID: fact.Conversation, Number: fact.Number, Reason: fact.Reason.Plain, ReportedAt: event.Meta.OccurredAt,
	}}
	if existed {
		out.Status = http.StatusOK
	}
	return out, nil
}

type (
	reportsInput struct {
		WaitHeader
		Open  string `query:"open" enum:"true,false" doc:"Those that are open, or those that are resolved; all if absent."`
		After uint64 `query:"after" doc:"As a page's next has it."`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	reportsOutput struct {
		Body projections.ReportPage
	}
)

func (s *Server) listReports(ctx context.Context, in *reportsInput) (*reportsOutput, error) {
	if err := s.showReports(ctx, in.Position); err != nil {
		return nil, err
	}
	state := map[string]projections.ReportState{"true": projections.ReportOpen, "false": projections.ReportResolved}[in.Open]
	page, err := s.Views.Reports.List(ctx, state, events.Position(in.After), in.Limit)
	if errors.Is(err, projections.ErrRange) {
		err = refusedField("query.after", "is not one that this list gave you")
	}
	for i := range page.Reports {
		s.linkReported(&page.Reports[i])
	}
	return &reportsOutput{page}, err
}

// linkReported lets operators read the files of a reported message, and of no
// other: they are not in the conversation.
func (s *Server) linkReported(report *projections.Report) {
	if report.Reported == nil {
		return
	}
	files := slices.Clone(report.Reported.Attachments)
	for i := range files {
		files[i].URL = s.MediaLink(files[i].Media, s.Now().Add(linkTTL))
	}
	report.Reported.Attachments = files
}

// showReports returns when the views show reports up to a position, and what
// was reported.
func (s *Server) showReports(ctx context.Context, position uint64) error {
	for _, view := range []string{projections.ReportsName, projections.ConversationsName} {
		if err := s.reaches(ctx, view, position); err != nil {
			return err
		}
	}
	return nil
}

type (
	resolveInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body struct {
			Outcome events.ReportOutcome `json:"outcome" enum:"upheld,dismissed" doc:"upheld: it was rightly reported; dismissed: there is nothing wrong with the message."`
			Note    string               `json:"note,omitempty" doc:"Why, in up to 2,000 characters, for other operators."`
		}
	}
	resolvedOutput struct {
		PositionHeader
		Body projections.Report
	}
)

func (s *Server) resolveReport(ctx context.Context, in *resolveInput) (*resolvedOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.ResolveReport(ctx, cause, decide.Resolution{
		Report: in.ID, By: callerOf(ctx).Subject, Outcome: in.Body.Outcome, Note: in.Body.Note,
	})
	if err != nil {
		return nil, err
	}
	at, err := s.writtenAt(ctx, events.ReportStream(in.ID), written)
	if err != nil {
		return nil, err
	}
	if err := s.showReports(ctx, at.Position); err != nil {
		return nil, err
	}
	report, err := s.Views.Reports.Get(ctx, in.ID)
	s.linkReported(&report)
	return &resolvedOutput{at, report}, err
}
