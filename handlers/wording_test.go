package handlers_test

import (
	"testing"

	"parley/handlers/handlertest"
)

func TestProblemsSayWhatToDo(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	room := "/v1/conversations/" + ada.Start("group").String()
	for _, row := range []struct {
		method, path, body string
		field, reason      string
	}{
		{"PUT", room + "/read", `{"upTo":1.5}`, "body.upTo", "must be a whole number"},
		{"PUT", room + "/read", `{"upTo":0,"to":1}`, "body.to", "is not a field of this request"},
		{"POST", room + "/participants", `{"userId":"x"}`, "body.userId", "must be a UUID"},
		{"POST", "/v1/conversations", `{"kind":"party"}`, "body.kind", "must be one of direct, group, business"},
		{"GET", "/v1/users/nobody", "", "path.id", "must be a UUID"},
		{"GET", "/v1/users", "", "query.handle", "is required"},
		{"GET", "/v1/sync?after=x", "", "query.after", "must be a whole number"},
		{"GET", "/v1/sync?limit=0", "", "query.limit", "must be at least 1"},
	} {
		ada.Do(row.method, row.path, row.body).Refused(422, `"detail":"`+row.field+": "+row.reason+`"`)
	}
}
