package projections_test

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

// positionIn is the position that a parameter of a page's next has.
func positionIn(t *testing.T, next, parameter string) events.Position {
	t.Helper()
	parsed, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	position, err := strconv.ParseUint(parsed.Query().Get(parameter), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return events.Position(position)
}

// service is the tea shop with conversations that have cases.
type service struct{ *world }

func (s service) begin(customers ...uuid.UUID) {
	for _, customer := range customers {
		conversation := events.BusinessID(teaShop, customer)
		s.append(events.ConversationStream(conversation), by(customer, 0), &events.ConversationStarted{
			Conversation: conversation, Kind: events.Business, Starter: customer, Participants: []uuid.UUID{customer}, Merchant: teaShop,
		})
	}
}

func (s service) say(customer, author, merchant uuid.UUID, after time.Duration) {
	conversation := events.BusinessID(teaShop, customer)
	s.append(events.MessagesStream(conversation), by(author, after), &events.MessagePosted{
		Conversation: conversation, Author: author, Text: events.Private(`"merchant":"`), Merchant: merchant,
	})
}

func caseStep(number byte, customer, who uuid.UUID) events.CaseStep {
	return events.CaseStep{Case: uuid.UUID{0: number}, Merchant: teaShop, Customer: customer, By: who}
}

func (s service) opened(number byte, customer uuid.UUID, after time.Duration) {
	step := caseStep(number, customer, customer)
	s.append(events.CaseStream(step.Case), by(customer, after), &events.CaseOpened{CaseStep: step, Subject: events.Private(fmt.Sprintf("case %d", number))})
}

func (s service) handled(after time.Duration, fact events.CaseFact) {
	s.append(events.CaseStream(fact.Step().Case), by(fact.Step().By, after), fact)
}

func TestTheInboxHasWhatWaitsLongestFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := service{w}
		s.begin(ann, bob, cyd)
		s.opened(1, ann, 0)
		s.opened(2, bob, 2*time.Hour)
		s.opened(3, cyd, 1*time.Hour)
		s.opened(4, bob, 3*time.Hour)
		s.opened(5, cyd, 4*time.Hour)
		s.say(ann, ann, uuid.Nil, 5*time.Hour) // is no answer
		s.say(bob, ann, teaShop, 6*time.Hour)  // answers 2 and 4
		s.handled(7*time.Hour, &events.CaseResolved{CaseStep: caseStep(5, cyd, ann), Note: events.Private("done")})
		s.handled(8*time.Hour, &events.CaseResolved{CaseStep: caseStep(4, bob, ann)})
		s.handled(9*time.Hour, &events.CaseReopened{CaseStep: caseStep(4, bob, bob)})
		s.handled(9*time.Hour, &events.CaseAssigned{CaseStep: caseStep(3, cyd, ann), Agent: ann})
		set, stop := w.settled()

		inbox := func(status decide.CaseStatus) (found []string) {
			t.Helper()
			list := projections.CaseList{Merchant: teaShop, Status: status, Limit: 2}
			for {
				cases, next, err := set.Cases.List(t.Context(), list)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range cases {
					found = append(found, fmt.Sprintf("%s %s %v", c.Subject, c.Status, c.Answered))
				}
				if list.Cursor = next; next == "" {
					return found
				}
			}
		}
		open := []string{"case 1 open false", "case 3 open false", "case 4 open false", "case 2 open true"}
		if diff := cmp.Diff(open, inbox(decide.CaseOpen)); diff != "" {
			t.Errorf("the open cases (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"case 5 resolved false"}, inbox(decide.CaseResolved)); diff != "" {
			t.Errorf("the resolved cases (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append(open, "case 5 resolved false"), inbox("")); diff != "" {
			t.Errorf("all cases (-want +got):\n%s", diff)
		}
		of, err := set.Cases.OpenOf(t.Context(), events.BusinessID(teaShop, bob))
		if err != nil || len(of) != 2 {
			t.Errorf("bob's open cases: %+v, %v", of, err)
		}
		if _, _, err := set.Cases.List(t.Context(), projections.CaseList{Merchant: teaShop, Cursor: "x", Limit: 1}); !errors.Is(err, projections.ErrCursor) {
			t.Errorf("a cursor of nobody: %v", err)
		}

		before := digests(t, set)
		stop()
		w.elsewhere()
		w.opts.BatchEvents = 1
		set, _ = w.settled()
		if diff := cmp.Diff(before, digests(t, set)); diff != "" {
			t.Errorf("rebuilt one by one: %s", diff)
		}
	})
}

func TestACaseHasItsHistory(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := service{w}
		s.begin(bob)
		s.opened(1, bob, 0)
		s.handled(time.Hour, &events.CaseAssigned{CaseStep: caseStep(1, bob, ann), Agent: cyd})
		s.say(bob, cyd, teaShop, 2*time.Hour)
		s.handled(3*time.Hour, &events.CaseResolved{CaseStep: caseStep(1, bob, cyd), Note: events.Private("replaced")})
		set, _ := w.settled()
		got, err := set.Cases.Get(t.Context(), uuid.UUID{0: 1})
		answered, resolved := morning.Add(2*time.Hour), morning.Add(3*time.Hour)
		agent := cyd
		want := projections.CaseView{
			Case: projections.Case{
				ID: uuid.UUID{0: 1}, MerchantID: teaShop, CustomerID: bob, ConversationID: events.BusinessID(teaShop, bob), Subject: "case 1",
				OpenedBy: bob, Assignee: &agent, Status: decide.CaseResolved, Answered: true, OpenedAt: morning, FirstAnswerAt: &answered, ResolvedAt: &resolved,
			},
			History: []projections.CaseEntry{
				{Type: "opened", At: morning, UserID: bob},
				{Type: "assigned", At: morning.Add(time.Hour), UserID: ann, Assignee: &agent},
				{Type: "resolved", At: resolved, UserID: cyd, Note: "replaced"},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("the case: %v\n%s", err, diff)
		}
		if _, err := set.Cases.Get(t.Context(), uuid.UUID{0: 2}); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("a case that is not there: %v", err)
		}
	})
}

func TestServiceTimes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := service{w}
		customers := make([]uuid.UUID, 10)
		for i := range customers {
			customers[i] = uuid.UUID{14: 1, 15: byte(i)}
		}
		s.begin(customers...)
		for i, customer := range customers {
			s.opened(byte(i), customer, 0)
			if i < 9 { // answered after 1 to 9 minutes
				s.say(customer, ann, teaShop, time.Duration(i+1)*time.Minute)
			}
			if i < 4 { // resolved after 1 to 4 hours
				s.handled(time.Duration(i+1)*time.Hour, &events.CaseResolved{CaseStep: caseStep(byte(i), customer, ann)})
			}
		}
		s.handled(9*time.Hour, &events.CaseReopened{CaseStep: caseStep(0, customers[0], ann)})
		set, _ := w.settled()
		got, err := set.Cases.Service(t.Context(), teaShop, morning, morning.Add(time.Second))
		want := projections.Service{
			Opened: 10, Open: 7, Unanswered: 2, Resolved: 3, Reopened: 1,
			FirstAnswer: projections.ServiceTime{Count: 9, Mean: 300, Median: 300, P90: 540},
			Resolution:  projections.ServiceTime{Count: 3, Mean: 3 * 3600, Median: 3 * 3600, P90: 4 * 3600},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("the service: %v\n%s", err, diff)
		}
		if got, err := set.Cases.Service(t.Context(), teaShop, morning.Add(time.Second), morning.Add(time.Hour)); got != (projections.Service{}) || err != nil {
			t.Errorf("the service of another time: %+v, %v", got, err)
		}
	})
}
