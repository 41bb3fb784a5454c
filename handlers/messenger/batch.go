package messenger

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// maxBatch bounds how many requests one batch has.
const maxBatch = 50

// batched is one request of a batch.
type batched struct {
	Method      string   `json:"method"`
	RelativeURL string   `json:"relative_url"`
	Body        flexText `json:"body"`
}

// batchAnswer is what one of them was answered.
type batchAnswer struct {
	Code    int           `json:"code"`
	Headers []batchHeader `json:"headers,omitempty"`
	Body    string        `json:"body"`
}

type batchHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// batch carries out many requests in the order in which they come, each with
// the batch's token unless it has its own, and answers each for itself.
func (a *API) batch(w http.ResponseWriter, r *http.Request) {
	p, err := a.read(w, r)
	defer p.close()
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	token, requests, err := readBatch(r, p)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	var headers flexBool = true
	if err := p.into("include_headers", &headers); err != nil {
		a.refuse(w, r, err)
		return
	}
	answers := make([]batchAnswer, len(requests))
	for i, request := range requests {
		answers[i] = a.one(r, token, request)
		if !headers {
			answers[i].Headers = nil
		}
	}
	sendJSON(w, http.StatusOK, answers)
}

func readBatch(r *http.Request, p params) (token string, requests []batched, err error) {
	if token = tokenOf(r, p); token == "" {
		return "", nil, errNoToken
	}
	if !p.has("batch") {
		return "", nil, invalid("batch", "is required")
	}
	if err := p.into("batch", &requests); err != nil {
		return "", nil, err
	}
	if len(requests) == 0 || len(requests) > maxBatch {
		return "", nil, invalid("batch", "must be 1 to %d requests", maxBatch)
	}
	return token, requests, nil
}

// one carries out one request of a batch, which is no batch itself.
func (a *API) one(r *http.Request, token string, b batched) batchAnswer {
	request, err := b.request(r, token)
	recorder := &recorder{header: make(http.Header), status: http.StatusOK}
	if err != nil {
		a.refuse(recorder, r, err)
	} else {
		a.ServeHTTP(recorder, request)
	}
	answer := batchAnswer{Code: recorder.status, Body: recorder.body.String()}
	for _, name := range slices.Sorted(maps.Keys(recorder.header)) {
		answer.Headers = append(answer.Headers, batchHeader{name, recorder.header.Get(name)})
	}
	return answer
}

func (b batched) request(r *http.Request, token string) (*http.Request, error) {
	at, err := url.Parse("/" + strings.TrimPrefix(b.RelativeURL, "/"))
	if err != nil || at.Path == "/" || at.Host != "" {
		return nil, invalid("batch.relative_url", "must be a path such as me/messages")
	}
	method := strings.ToUpper(b.Method)
	if method == "" {
		method = http.MethodGet
	}
	query := at.Query()
	if !query.Has("access_token") {
		query.Set("access_token", token)
	}
	if proof := r.URL.Query().Get("appsecret_proof"); proof != "" && !query.Has("appsecret_proof") {
		query.Set("appsecret_proof", proof)
	}
	at.RawQuery = query.Encode()
	// Routing begins anew for each.
	ctx := context.WithValue(r.Context(), chi.RouteCtxKey, chi.NewRouteContext())
	request, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(string(b.Body)))
	if err != nil {
		return nil, invalid("batch.method", "must be one of {DELETE, GET, POST}")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request, nil
}

// recorder keeps an answer. It belongs to the goroutine that serves.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header            { return r.header }
func (r *recorder) WriteHeader(status int)         { r.status = status }
func (r *recorder) Write(body []byte) (int, error) { return r.body.Write(body) }
