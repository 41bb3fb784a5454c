package webhooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1" // older SDKs refuse deliveries without X-Hub-Signature
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"parley/events"
)

const (
	// answerKept is how much of a receiver's answer the delivery log shows.
	answerKept = 500
	// answerRead is how much of it is read, so that the connection can be used
	// again.
	answerRead = 64 << 10
)

// Signatures are the headers that vouch for a body, by the app's secret:
// X-Hub-Signature and X-Hub-Signature-256.
func Signatures(secret string, body []byte) (sha1Header, sha256Header string) {
	old := hmac.New(sha1.New, []byte(secret))
	old.Write(body)
	current := hmac.New(sha256.New, []byte(secret))
	current.Write(body)
	return "sha1=" + hex.EncodeToString(old.Sum(nil)), "sha256=" + hex.EncodeToString(current.Sum(nil))
}

// attempt makes a delivery once. The error is the log's, or the context's.
func (e *Engine) attempt(ctx context.Context, at *endpoint, r *row) (outcome, error) {
	o := outcome{row: r, at: e.Now().UnixMilli()}
	body, err := e.compose(ctx, r)
	switch {
	case errors.Is(err, errNothing):
		o.void, o.answer = true, err.Error()
		return o, nil
	case err != nil:
		return o, err
	}
	secrets, err := e.Commands.Secrets(ctx, r.app)
	if err != nil {
		return o, err
	}
	o.status, o.answer, err = e.post(ctx, at.url, secrets[0], r, body)
	if err != nil {
		return o, err
	}
	o.taken = o.status >= 200 && o.status < 300
	o.took = e.Now().UnixMilli() - o.at
	e.meters.attempted(o)
	return o, nil
}

// post returns the status that was answered and the answer's first bytes, or 0
// and why there was none. The error is the context's.
func (e *Engine) post(ctx context.Context, url, secret string, r *row, body []byte) (int, string, error) {
	asking, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(asking, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "is not an address that can be asked", nil
	}
	sign(request.Header, secret, body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("X-Parley-Delivery", strconv.FormatInt(r.number, 10))
	request.Header.Set("X-Parley-Event", r.event.String())
	response, err := e.client.Do(request)
	if err != nil {
		return 0, unreachable(err), ctx.Err()
	}
	defer response.Body.Close()
	first, err := io.ReadAll(io.LimitReader(response.Body, answerKept))
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, answerRead))
	}
	if err != nil && ctx.Err() != nil {
		return 0, "", ctx.Err()
	}
	// A status that came counts, whatever became of the rest of the answer.
	return response.StatusCode, strings.ToValidUTF8(string(first), "\uFFFD"), nil
}

func sign(header http.Header, secret string, body []byte) {
	old, current := Signatures(secret, body)
	header.Set("X-Hub-Signature", old)
	header.Set("X-Hub-Signature-256", current)
}

// errNothing: there is nothing left to be told.
var errNothing = errors.New("what there was to tell is gone")

// read reads the event that a delivery tells of.
func (e *Engine) read(ctx context.Context, r *row) (events.Event, error) {
	event, found, err := e.Journal.Fact(ctx, r.stream, r.revision)
	switch {
	case errors.Is(err, events.ErrStreamDeleted) || err == nil && (!found || event.ID != r.event):
		return event, errNothing
	}
	return event, err
}
