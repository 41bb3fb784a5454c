package handlers_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
)

// records is what a server logged.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func logged(to *records) func(*handlers.Options) {
	return func(o *handlers.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

func TestReadiness(t *testing.T) {
	broken := make(chan error, 1)
	h := handlertest.Open(t, func(o *handlers.Options) {
		o.Health = func() error {
			select {
			case err := <-broken:
				return err
			default:
				return nil
			}
		}
	})
	h.Person("ada")
	if err := h.Views.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	var state struct {
		Ready       bool
		Projections []struct {
			Name, State string
			Lag         *uint64
		}
	}
	h.Nobody().Get("/readyz").Want(200).Into(&state)
	if !state.Ready || len(state.Projections) < 4 {
		t.Errorf("the state is %+v", state)
	}
	for _, view := range state.Projections {
		if view.State != "running" || view.Lag == nil || *view.Lag != 0 {
			t.Errorf("the view is %+v", view)
		}
	}
	broken <- events.Unavailable(errors.New("disk full"))
	answer := h.Nobody().Get("/readyz").Want(503)
	if answer.Header.Get("Retry-After") == "" || strings.Contains(string(answer.Body), "disk full") {
		t.Errorf("answered %v %s", answer.Header, answer.Body)
	}
	h.Nobody().Get("/healthz").Want(200)
}

func TestAnOutageOfTheLogIs503(t *testing.T) {
	c := openChat(t)
	if err := c.Node.Close(); err != nil {
		t.Fatal(err)
	}
	for _, answer := range []*handlertest.Answer{
		c.ada.Post(c.path, `{"text":"hello"}`),
		c.ada.Post("/v1/conversations", `{"kind":"group","participants":[]}`),
		c.Scoped(handlers.Auditor).Get("/v1/audit/events"),
	} {
		if answer.Refused(503, "log").Header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After in %v", answer.Header)
		}
	}
	c.Nobody().Get("/readyz").Want(503)
}

func TestReadThatWaitsInVainIs503(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.Wait = 1 })
	ada := h.Person("ada")
	for _, path := range []string{"/v1/conversations", "/v1/users/" + ada.User.ID.String()} {
		answer := ada.Get(path, "Parley-Position", "4000000000").Refused(503, "Parley-Position")
		if answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
}

func TestMetricsAreByRouteAndNotByPath(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	id := uuid.NewString()
	ada.Get("/v1/conversations/" + id).Want(404)
	ada.Get("/v1/nothing/" + id).Want(404)
	ada.Do("BREW", "/v1/conversations", nil).Want(405)
	metrics := string(h.Nobody().Get("/metrics").Want(200).Body)
	for _, want := range []string{
		`parley_http_requests_total{method="GET",route="/v1/conversations/{id}",status="404"} 1`,
		`parley_http_requests_total{method="GET",route="none",status="404"} 1`,
		`parley_http_requests_total{method="other",route="none",status="405"} 1`,
		`parley_http_request_seconds_count{method="POST",route="/v1/users"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	if strings.Contains(metrics, id) {
		t.Error("the metrics hold an id")
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	var log records
	h := handlertest.Open(t, logged(&log))
	ada := h.Person("ada.lovelace")
	ada.Get("/v1/conversations?cursor=" + ada.Token).Want(422)
	room := ada.Start("group")
	ada.Say(room, "a secret remark")
	ada.Post("/v1/conversations", `{"kind":"a secret remark"}`).Want(422)
	h.With(ada.Token + "x").Get("/v1/conversations").Want(401)
	h.Scoped(handlers.Operator).Post("/v1/tokens", `{"scope":"auditor"}`).Want(201)
	text := log.String()
	for _, secret := range []string{"eyJ", "secret remark", "lovelace"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log:\n%s", secret, text)
		}
	}
	if !strings.Contains(text, `"caller":"`+ada.User.ID.String()) || !strings.Contains(text, "/v1/conversations") {
		t.Errorf("the log does not tell who asked for what:\n%s", text)
	}
}

func TestAPanicIsAProblem(t *testing.T) {
	var log records
	h := handlertest.Open(t, logged(&log), func(o *handlers.Options) {
		o.Page = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	})
	answer := h.Nobody().Get("/", "X-Request-Id", "r-1").Refused(500, "X-Request-Id")
	if strings.Contains(string(answer.Body), "a bug") {
		t.Errorf("the cause is shown: %s", answer.Body)
	}
	for _, want := range []string{"a bug", "r-1", "operation_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log: %s", want, log.String())
		}
	}
}

func TestAClientThatLeavesIsNoFault(t *testing.T) {
	var log records
	h := handlertest.Open(t, logged(&log))
	ada := h.Person("ada")
	left, leave := context.WithCancel(t.Context())
	leave()
	request := httptest.NewRequestWithContext(left, http.MethodGet, "/v1/conversations", nil)
	request.Header.Set("Authorization", "Bearer "+ada.Token)
	request.Header.Set("Parley-Position", "4000000000")
	answer := httptest.NewRecorder()
	h.Server.ServeHTTP(answer, request)
	if answer.Code != 499 || strings.Contains(log.String(), `"level":"ERROR"`) {
		t.Errorf("status %d, and the log is\n%s", answer.Code, log.String())
	}
}

func TestHeaders(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) {
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) })
	})
	ada := h.Person("ada")
	for path, policy := range map[string]string{"/": "default-src 'self'", "/docs": "default-src 'self'", "/v1/conversations": "default-src 'none'", "/healthz": "default-src 'none'"} {
		header := ada.Get(path).Want(200).Header
		if got := header.Get("Content-Security-Policy"); !strings.HasPrefix(got, policy) || !strings.Contains(got, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", path, got)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers are %v", path, header)
		}
	}
	if got := ada.Get("/v1/conversations").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	if got := ada.Do("DELETE", "/v1/conversations", nil).Refused(405, "method").Header.Values("Allow"); strings.Join(got, " ") != "GET POST" {
		t.Errorf("Allow is %v", got)
	}
	ada.Get("/v1/nothing").Refused(404, "path")
	ada.Do("HEAD", "/healthz", nil).Want(200)
	if got := h.Nobody().Get("/v1/conversations").Refused(401, "token").Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
		t.Errorf("WWW-Authenticate is %q", got)
	}
}

func TestRequestIDsAreTaken(t *testing.T) {
	h := handlertest.Open(t)
	id := func(headers ...string) string {
		return h.Nobody().Get("/healthz", headers...).Header.Get("X-Request-Id")
	}
	if got := id("X-Request-Id", "abc"); got != "abc" {
		t.Errorf("X-Request-Id is %q", got)
	}
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	if got := id("traceparent", "00-"+trace+"-00f067aa0ba902b7-01"); got != trace {
		t.Errorf("of a traceparent it is %q", got)
	}
	for _, unfit := range []string{"a b", strings.Repeat("x", 129), "é"} {
		if _, err := uuid.Parse(id("X-Request-Id", unfit)); err != nil {
			t.Errorf("of %q it is no new one: %v", unfit, err)
		}
	}
}

func TestRates(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.Rate, o.Limits.AddressRate = 5, 3 })
	token, err := h.Tokens.Issue("x", nil, handlers.DefaultTTL)
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/users/" + uuid.NewString()
	exhaust := func(client *handlertest.Client, requests, status int) {
		t.Helper()
		for range requests {
			client.Get(path).Want(status)
		}
		if answer := client.Get(path).Refused(429, "too many"); answer.Header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After in %v", answer.Header)
		}
	}
	exhaust(h.With(token.Token), 5, 404)
	exhaust(h.Nobody(), 3, 401)
	h.With(token.Token + "x").Get(path).Want(429)
	h.Scoped().Get(path).Want(404)
}

func TestABodyThatDoesNotArriveIsNotWaitedFor(t *testing.T) {
	h := handlertest.Open(t, openly, func(o *handlers.Options) { o.Limits.Body = 20 * time.Millisecond })
	for name, ask := range map[string]func(io.Writer) error{
		"slow":   func(io.Writer) error { return nil },
		"broken": func(c io.Writer) error { return c.(*net.TCPConn).CloseWrite() },
	} {
		connection, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if _, err := io.WriteString(connection, "POST /v1/users HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		if err := ask(connection); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := map[string]int{"slow": 408, "broken": 400}[name]; response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", name, response.StatusCode, want)
		}
		if left, err := io.ReadAll(response.Body); err != nil || !bytes.Contains(left, []byte("body")) {
			t.Errorf("%s: %s, %v", name, left, err)
		}
	}
}

func TestDocs(t *testing.T) {
	h := handlertest.Open(t)
	page := string(h.Nobody().Get("/docs").Want(200).Body)
	if !strings.Contains(page, "POST /v1/conversations/{id}/messages") || strings.Contains(page, "<script") || strings.Contains(page, "https://") {
		t.Errorf("the page is %s", page)
	}
}

// The page takes every path that is nobody else's, and these are not its own.
func TestOperationalRoutesAnswerHead(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Page = http.NotFoundHandler() })
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"} {
		h.CatchUp()
		if head := h.Nobody().Do(http.MethodHead, path, nil).Want(http.StatusOK); len(head.Body) > 0 {
			t.Errorf("%s: HEAD has a body", path)
		}
	}
}
