package handlers_test

import (
	"cmp"
	"context"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"parley/handlers"
)

// impatient hangs up as soon as a stream has begun.
type impatient struct {
	*httptest.ResponseRecorder
	hangUp func()
}

// Flush implements http.Flusher.
func (i *impatient) Flush() { i.hangUp() }

// FuzzRequests holds that nothing a client can send makes a fault of the
// server's, and that every refusal is a problem.
func FuzzRequests(f *testing.F) {
	h := furnish(f, openly)
	tokens := []string{"", h.owner.Token, h.Scoped(handlers.Operator, handlers.Analyst, handlers.Auditor).Token, h.app.Token}
	routes, names := slices.Sorted(maps.Keys(routeTable)), h.names()

	for i := range routes {
		row := routeTable[routes[i]]
		for caller := range tokens {
			f.Add(uint8(i), uint8(caller), "", names.Replace(row.body), "", "", "")
		}
	}
	for _, body := range []string{`{"text":"\ud800"}`, "\x00", "[]", "null", `{"upTo":1e99}`, `{"participants":[null]}`, `{"userId":{}}`, "{\"text\":\"\xff\"}", `{"ttl":9223372036854775808}`} {
		for i := range routes {
			f.Add(uint8(i), uint8(1), "limit=-1&before=&after=99999999999999999999&from=9999-12-31&cursor=AA%3D%3D&to=0000&q=%22a*%00%FF&asOf=&author=x&product=,&interval=day", body, "k", "1", "application/json")
		}
	}
	headers := []string{"bytes=0-0,-1,5-2", "bytes=-99999999999999999999", `W/"x", "`, "*", "00-zz-01", "gzip;q=2, \xff", "text/csv;q", "-1", "a/b; c=\"\xff", "x\x00y", strings.Repeat("9", 99)}
	for i := range routes {
		header := headers[i%len(headers)]
		f.Add(uint8(i), uint8(1), "", "", header, "", header)
	}
	f.Fuzz(func(t *testing.T, route, caller uint8, query, body, key, position, header string) {
		method, _, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		row := routeTable[routes[int(route)%len(routes)]]
		request := httptest.NewRequest(method, names.Replace(row.path), strings.NewReader(body))
		request.URL.RawQuery = query
		for _, name := range []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since", "Traceparent", "X-Request-Id", "Accept", "Accept-Encoding", "X-Forwarded-For", "Origin"} {
			request.Header.Set(name, header)
		}
		request.Header.Set("Content-Type", cmp.Or(header, "application/json"))
		if token := tokens[int(caller)%len(tokens)]; token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		request.Header.Set("Idempotency-Key", key)
		if position != "" && len(position) < 3 { // a later one would be waited for
			request.Header.Set("Parley-Position", position)
		}
		request.Header.Set("Last-Event-ID", cmp.Or(header, position))
		ctx, hangUp := context.WithCancel(t.Context())
		defer hangUp()
		answer := &impatient{httptest.NewRecorder(), hangUp}
		h.Server.ServeHTTP(answer, request.WithContext(ctx))
		if answer.Code >= 500 {
			t.Errorf("%s %s?%s of %q: %d %s", method, row.path, query, body, answer.Code, answer.Body)
		}
		if media := answer.Header().Get("Content-Type"); answer.Code >= 400 && media != "application/problem+json" {
			t.Errorf("%s %s?%s of %q: %d of type %s", method, row.path, query, body, answer.Code, media)
		}
	})
}
