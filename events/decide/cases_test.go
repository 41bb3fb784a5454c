package decide_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

var complaint = uuid.MustParse("00000000-0000-7000-8000-0000000000dd")

func TestCases(t *testing.T) {
	at := func(by uuid.UUID) events.CaseStep {
		return events.CaseStep{Case: complaint, Merchant: shop, Customer: cleo, By: by}
	}
	opened := &events.CaseOpened{CaseStep: at(cleo), Subject: events.Private("The pot is broken")}
	of := func(past ...events.Fact) *decide.Case {
		c := decide.NewCase()
		for _, fact := range past {
			c = decide.EvolveCase(c, fact)
		}
		return c
	}
	opens := decide.Complaint{Case: complaint, Merchant: shop, Customer: cleo, By: cleo, Subject: "The pot is broken"}
	resolved, reopened := &events.CaseResolved{CaseStep: at(ada)}, &events.CaseReopened{CaseStep: at(cleo)}
	assigned := &events.CaseAssigned{CaseStep: at(ada), Agent: bob}
	nobody := uuid.Nil

	t.Run("opened", func(t *testing.T) {
		got, err := decide.OpenCase(of(), opens)
		when(t, got, err).then(opened)
	})
	for name, c := range map[string]struct {
		field  string
		change func(*decide.Complaint)
	}{
		"about nothing":          {"subject", func(p *decide.Complaint) { p.Subject = "" }},
		"about another's order":  {"orderId", func(p *decide.Complaint) { p.Order = purchase }},
		"from a message unheard": {"message", func(p *decide.Complaint) { p.Message = new(uint64) }},
	} {
		t.Run("not "+name, func(t *testing.T) {
			p := opens
			c.change(&p)
			got, err := decide.OpenCase(of(), p)
			when(t, got, err).thenRefused(decide.Invalid, c.field)
		})
	}
	for _, c := range []struct {
		name string
		past *decide.Case
		h    decide.Handling
		want []events.Fact
	}{
		{"assigned", of(opened), decide.Handling{By: ada, Agent: true, Assignee: &bob, Employed: true}, []events.Fact{assigned}},
		{"assigned once", of(opened, assigned), decide.Handling{By: ada, Agent: true, Assignee: &bob, Employed: true}, nil},
		{"given to nobody", of(opened, assigned), decide.Handling{By: ada, Agent: true, Assignee: &nobody}, []events.Fact{&events.CaseAssigned{CaseStep: at(ada)}}},
		{"resolved", of(opened), decide.Handling{By: ada, Agent: true, Status: decide.CaseResolved}, []events.Fact{resolved}},
		{"resolved once", of(opened, resolved), decide.Handling{By: ada, Agent: true, Status: decide.CaseResolved}, nil},
		{"reopened by the customer", of(opened, resolved), decide.Handling{By: cleo, Status: decide.CaseOpen}, []events.Fact{reopened}},
		{"reopened and assigned", of(opened, resolved), decide.Handling{By: ada, Agent: true, Status: decide.CaseOpen, Assignee: &bob, Employed: true},
			[]events.Fact{&events.CaseReopened{CaseStep: at(ada)}, assigned}},
		{"assigned and resolved", of(opened), decide.Handling{By: ada, Agent: true, Status: decide.CaseResolved, Assignee: &bob, Employed: true}, []events.Fact{assigned, resolved}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decide.HandleCase(c.past, c.h)
			when(t, got, err).then(c.want...)
		})
	}
	for _, c := range []struct {
		name  string
		past  *decide.Case
		h     decide.Handling
		kind  decide.Kind
		field string
	}{
		{"a case that is not there", of(), decide.Handling{By: ada, Agent: true, Status: decide.CaseResolved}, decide.Unknown, ""},
		{"assigned by the customer", of(opened), decide.Handling{By: cleo, Assignee: &cleo}, decide.Forbidden, "assignee"},
		{"assigned to a stranger", of(opened), decide.Handling{By: ada, Agent: true, Assignee: &cleo}, decide.Invalid, "assignee"},
		{"assigned when it is resolved", of(opened, resolved), decide.Handling{By: ada, Agent: true, Assignee: &bob, Employed: true}, decide.Taken, "assignee"},
		{"of an unknown status", of(opened), decide.Handling{By: ada, Agent: true, Status: "lost"}, decide.Invalid, "status"},
		{"with a note about nothing", of(opened), decide.Handling{By: ada, Agent: true, Note: "hm"}, decide.Invalid, "note"},
	} {
		t.Run("not "+c.name, func(t *testing.T) {
			got, err := decide.HandleCase(c.past, c.h)
			when(t, got, err).thenRefused(c.kind, c.field)
		})
	}
}
