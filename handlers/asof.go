package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

const asOfDescription = "With asOf, the conversation as it stood in the log at a position or a time, which is when the log took what happened: " +
	"the messages posted until then with the texts that they had, without reactions. Auditors see any conversation, and what was retracted since; " +
	"to participants that is retracted."

// asOf is the moment that a request for messages asks for, as it is written.
func asOf(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("asOf")
}

func (s *Server) listAsOf(w http.ResponseWriter, r *http.Request, text string) {
	page, err := s.pageAsOf(r, text)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, page)
}

func (s *Server) pageAsOf(r *http.Request, text string) (projections.Page, error) {
	conversation, err := pathID(r, "id")
	if err != nil {
		return projections.Page{}, err
	}
	chosen, err := messageRange(r)
	if err != nil {
		return projections.Page{}, err
	}
	at, err := momentOf(text)
	if err != nil {
		return projections.Page{}, err
	}
	position, err := headerPosition(r)
	if err != nil {
		return projections.Page{}, err
	}
	if err := s.reaches(r.Context(), projections.ConversationsName, position); err != nil {
		return projections.Page{}, err
	}
	caller := callerOf(r.Context())
	if err := s.maySee(r, caller, conversation); err != nil {
		return projections.Page{}, hide(err)
	}
	page, err := s.Views.Conversations.AsOf(r.Context(), conversation, chosen, at, caller.Has(Auditor))
	if errors.Is(err, projections.ErrRange) {
		return page, refusedField("query", "limit, before and after do not make a page")
	}
	if page.Next != nil {
		next := *page.Next + "&asOf=" + url.QueryEscape(text)
		page.Next = &next
	}
	return page, hide(err)
}

// maySee lets auditors into every conversation, and users into their own.
func (s *Server) maySee(r *http.Request, caller *Caller, conversation uuid.UUID) error {
	if caller.Has(Auditor) {
		return nil
	}
	participates, err := s.Views.Conversations.IsParticipant(r.Context(), conversation, caller.User)
	if err == nil && !participates {
		err = projections.ErrNotParticipant
	}
	return err
}

// momentOf reads a position or a time.
func momentOf(text string) (projections.Moment, error) {
	if strings.Trim(text, "0123456789") != "" {
		at, err := moment("query.asOf", text)
		return projections.Moment{Time: at}, err
	}
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil || position == 0 || position > maxNumber {
		return projections.Moment{}, refusedField("query.asOf", "must be a position of the log, from 1 on, or a time")
	}
	return projections.Moment{Position: events.Position(position)}, nil
}
