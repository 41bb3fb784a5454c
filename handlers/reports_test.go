package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

func TestReports(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cleo, ops := h.Person("ada"), h.Person("bob"), h.Person("cleo"), h.Scoped(handlers.Operator)
	room := ada.Start("group", bob, cleo)
	path := "/v1/conversations/" + room.String() + "/messages/"
	ada.Say(room, "Watches!")
	ada.Say(room, "More watches!")

	var first, again, second projections.Report
	bob.Post(path+"0/report", `{"reason":"spam"}`).Want(201).Into(&first)
	if first.Number != 0 || first.ConversationID != room || first.Reason != "spam" || !first.ReportedAt.Equal(handlertest.Began) {
		t.Errorf("reported %+v", first)
	}
	bob.Post(path+"0/report", `{"reason":"spam, I say"}`).Want(200).Into(&again)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the repeat (-first +again):\n%s", diff)
	}
	for range 2 { // with a key, the repeat answers as the first did
		cleo.Post(path+"1/report", `{"reason":"rude"}`, "Idempotency-Key", "k").Want(201).Into(&second)
	}
	ada.Do("PATCH", path+"1", map[string]any{"text": "Good morning!"}).Want(200)
	last := ada.Do("DELETE", path+"0", nil).Want(204)

	list := func(query string) (page projections.ReportPage) {
		t.Helper()
		ops.Get("/v1/reports"+query, "Parley-Position", last.Position()).Want(200).Into(&page)
		return page
	}
	page := list("?limit=1&open=true")
	if len(page.Reports) != 1 || page.Next == nil {
		t.Fatalf("the first page is %+v", page)
	}
	if r := page.Reports[0]; r.ID != first.ID || r.ReportedBy != bob.User.ID || r.Message == nil || !r.Message.Retracted || r.Reported == nil || r.Reported.Text != "Watches!" || r.Reported.Retracted || r.Outcome != nil || r.ResolvedAt != nil {
		t.Errorf("the first report is %+v", r)
	}
	page = list(strings.TrimPrefix(*page.Next, "/v1/reports"))
	if len(page.Reports) != 1 || page.Next != nil || page.Reports[0].ID != second.ID || page.Reports[0].Message.Text != "Good morning!" || page.Reports[0].Reported.Text != "More watches!" {
		t.Errorf("the second page is %+v", page)
	}

	resolve := "/v1/reports/" + first.ID.String() + "/resolve"
	var resolved projections.Report
	last = ops.Post(resolve, `{"outcome":"upheld","note":"gone already"}`).Want(200).Into(&resolved)
	if resolved.Outcome == nil || *resolved.Outcome != "upheld" || *resolved.ResolvedBy != "somebody" || resolved.Note != "gone already" || resolved.Message == nil {
		t.Errorf("resolved %+v", resolved)
	}
	if repeat := ops.Post(resolve, `{"outcome":"upheld"}`).Want(200); repeat.Position() != last.Position() {
		t.Errorf("resolved again at %s, first at %s", repeat.Position(), last.Position())
	}
	if open, closed, all := list("?open=true"), list("?open=false"), list(""); len(open.Reports) != 1 || len(closed.Reports) != 1 || len(all.Reports) != 2 {
		t.Errorf("%d open, %d resolved, %d in all", len(open.Reports), len(closed.Reports), len(all.Reports))
	}

	ops.Post(resolve, `{"outcome":"dismissed"}`).Refused(409, "body.outcome")
	ops.Post(resolve, `{"outcome":"lost"}`).Refused(422, "body.outcome")
	ops.Post("/v1/reports/"+uuid.NewString()+"/resolve", `{"outcome":"upheld"}`).Refused(404, "no such report")
	ops.Get("/v1/reports?open=perhaps").Refused(422, "query.open")
	ops.Get("/v1/reports?after=18446744073709551615").Refused(422, "query.after")
	ada.Post(path+"1/report", `{"reason":"mine"}`).Refused(403, "retracted, not reported")
	bob.Post(path+"9/report", `{"reason":"spam"}`).Refused(404, "no message 9")
	bob.Post(path+"1/report", `{"reason":" "}`).Refused(422, "body.reason")
	bob.Post(path+"1/report", `{}`).Refused(422, "body.reason")
}

// TestReportsOfTheErased: when a person is erased, what they told is gone, and
// the report can still be resolved.
func TestReportsOfTheErased(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, ops := h.Person("ada"), h.Person("bob"), h.Scoped(handlers.Operator)
	room := ada.Start("group", bob)
	ada.Say(room, "Watches!")
	var report projections.Report
	bob.Post("/v1/conversations/"+room.String()+"/messages/0/report", `{"reason":"spam"}`).Want(201).Into(&report)
	bob.Do("DELETE", "/v1/users/"+bob.User.ID.String(), nil).Want(204)
	resolve := "/v1/reports/" + report.ID.String() + "/resolve"
	ops.Post(resolve, `{"outcome":"upheld","note":"bob is right"}`).Refused(409, "erased")
	ops.Post(resolve, `{"outcome":"upheld"}`).Want(200).Into(&report)
	if report.Reason != "" || report.Outcome == nil || report.Message == nil {
		t.Errorf("resolved %+v", report)
	}
}

// TestFilesOfReportedMessages: an operator reads them by links, and no others.
func TestFilesOfReportedMessages(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, ops := h.Person("ada"), h.Person("bob"), h.Scoped(handlers.Operator)
	room := ada.Start("direct", bob)
	path := "/v1/conversations/" + room.String() + "/messages"
	content := animation(t)
	var up upload
	ada.Post("/v1/media", content).Want(201).Into(&up)
	ada.Post(path, map[string]any{"attachments": []any{map[string]any{"media": up.Media}}}).Want(201)
	last := bob.Post(path+"/0/report", `{"reason":"rude"}`).Want(201)
	ops.Get(up.URL).Want(404)

	var page projections.ReportPage
	ops.Get("/v1/reports", "Parley-Position", last.Position()).Want(200).Into(&page)
	files := page.Reports[0].Reported.Attachments
	if len(files) != 1 || files[0].URL == up.URL || page.Reports[0].Message.Attachments[0].URL != up.URL {
		t.Fatalf("the report is %+v", page.Reports[0])
	}
	if read := h.Nobody().Get(files[0].URL).Want(200); string(read.Body) != content {
		t.Errorf("read %d bytes of %d, or others", len(read.Body), len(content))
	}
}
