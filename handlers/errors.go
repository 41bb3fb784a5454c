package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/events/media"
	"parley/events/vault"
	"parley/handlers/webhooks"
	"parley/projections"
	"parley/projections/live"
)

// statusGone is written to the log for a request whose client has left; nobody
// receives it.
const statusGone = 499

// retryAfter is how many seconds a client is asked to wait before it repeats
// what was not possible now.
const retryAfter = 1

// verdict is what clients are told of an error.
type verdict struct {
	err    error
	status int
	detail string
}

// verdicts is the table of errors and their statuses. The first row that
// matches counts; an error without a row is a fault of ours.
var verdicts = []verdict{
	{errNoToken, http.StatusUnauthorized, "a bearer token is required"},
	{ErrTokenExpired, http.StatusUnauthorized, "the token has expired; ask for a new one"},
	{ErrTokenRevoked, http.StatusUnauthorized, "the token was revoked; ask for a new one"},
	{ErrIssuerAway, http.StatusServiceUnavailable, "the issuer of this token does not answer, so it cannot be checked; repeat the request"},
	{ErrTokenInvalid, http.StatusUnauthorized, "the token is not one of this server"},
	{errScope, http.StatusForbidden, "the token's scope does not allow this"},
	{errNotUser, http.StatusForbidden, "only a user can do this, and the token's subject is none"},
	{errNotApp, http.StatusForbidden, "only an app can do this, with its own token"},
	{errTooMany, http.StatusTooManyRequests, "too many requests; slow down"},
	{errNoRoute, http.StatusNotFound, "there is nothing at this path"},
	{errMethod, http.StatusMethodNotAllowed, "this path does not take the method; the Allow header lists those it takes"},
	{errMediaType, http.StatusUnsupportedMediaType, "the body must be JSON, with Content-Type: application/json"},
	{errBodyTooLarge, http.StatusRequestEntityTooLarge, "the body is too large"},
	{os.ErrDeadlineExceeded, http.StatusRequestTimeout, "the body did not arrive in time"},
	{errBodyUnread, http.StatusBadRequest, "the body could not be read to its end"},

	{commands.ErrUploadTooLarge, http.StatusRequestEntityTooLarge, "a file has at most 25 MB"},
	{media.ErrNotFound, http.StatusNotFound, "there is no such file among yours"},
	{media.ErrUnavailable, http.StatusServiceUnavailable, "files cannot be stored or read now; repeat the request"},
	{vault.ErrBusy, http.StatusServiceUnavailable, "this is done, but traces of it may still be stored; repeat the request"},
	{errRange, http.StatusRequestedRangeNotSatisfiable, "the file has no such range; Content-Range tells its size"},
	{errMatch, http.StatusPreconditionFailed, "the file has another ETag than If-Match asks for"},
	{errLink, http.StatusForbidden, "this link is not one of this server's"},
	{errLinkExpired, http.StatusForbidden, "this link has expired"},

	{events.ErrKeyReused, http.StatusUnprocessableEntity, "this Idempotency-Key was used before, for a different request"},
	{events.ErrConflict, http.StatusConflict, "others changed this at the same time; read it again and repeat"},
	{events.ErrTooLarge, http.StatusRequestEntityTooLarge, "this is more than the log takes at once"},
	{events.ErrForgotten, http.StatusConflict, "the person this would be kept for has been erased: leave out all that is personal, as reasons, notes and tracking numbers"},
	{events.ErrStreamDeleted, http.StatusNotFound, "this has been deleted"},
	{events.ErrUnavailable, http.StatusServiceUnavailable, "the event log is not available; repeat the request, with the same Idempotency-Key if it has one"},

	{projections.ErrBehind, http.StatusServiceUnavailable, "the view has not reached Parley-Position yet; repeat the request"},
	{projections.ErrBuilding, http.StatusServiceUnavailable, "this view is being built from the log; repeat the request"},
	{projections.ErrUnavailable, http.StatusServiceUnavailable, "the database is not available; repeat the request, with the same Idempotency-Key if it has one"},
	{projections.ErrStopped, http.StatusServiceUnavailable, "this view is stopped and cannot show what was written last; an operator must look into it"},
	{projections.ErrNotFound, http.StatusNotFound, "there is no such thing"},
	{projections.ErrNotParticipant, http.StatusNotFound, "there is no such thing"},

	{webhooks.ErrNone, http.StatusNotFound, "there are no such deliveries that the app may be told once more"},
	{webhooks.ErrSilent, http.StatusConflict, "nothing is delivered to this app now: its webhook is off, or missing, or the app is suspended"},
	{live.ErrTooMany, http.StatusTooManyRequests, "you have as many streams open as one user may have; close some of them"},
	{live.ErrClosed, http.StatusServiceUnavailable, "the server is about to stop; come back when it is there again"},

	{context.DeadlineExceeded, http.StatusServiceUnavailable, "this took too long; repeat the request"},
}

// titles are the problems' titles, one for each status that is answered.
var titles = map[int]string{
	http.StatusBadRequest:                   "The request is malformed",
	http.StatusUnauthorized:                 "A valid token is required",
	http.StatusForbidden:                    "Not allowed",
	http.StatusNotFound:                     "Not found",
	http.StatusMethodNotAllowed:             "The method is not allowed",
	http.StatusRequestTimeout:               "The request took too long to arrive",
	http.StatusConflict:                     "The request conflicts with what happened before",
	http.StatusPreconditionFailed:           "The precondition does not hold",
	http.StatusRequestEntityTooLarge:        "The request is too large",
	http.StatusRequestedRangeNotSatisfiable: "The range is not in the file",
	http.StatusUnsupportedMediaType:         "The body's type is not supported",
	http.StatusUnprocessableEntity:          "The request was refused",
	http.StatusTooManyRequests:              "Too many requests",
	http.StatusInternalServerError:          "A fault in the server",
	http.StatusServiceUnavailable:           "Not available now",
}

func newProblem(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Status: status, Title: titles[status], Detail: detail}
}

// refusedField is a well-formed request of which one value is refused. The
// location is the part of the request and the field's name: body.text.
func refusedField(location, reason string) *huma.ErrorModel {
	return fieldProblem(http.StatusUnprocessableEntity, location, reason)
}

// malformed is a request that cannot be read at the location.
func malformed(location, reason string) *huma.ErrorModel {
	return fieldProblem(http.StatusBadRequest, location, reason)
}

func fieldProblem(status int, location, reason string) *huma.ErrorModel {
	problem := newProblem(status, location+": "+reason)
	problem.Errors = []*huma.ErrorDetail{{Location: location, Message: reason}}
	return problem
}

// problemOf turns any error into what the client is told of it.
func problemOf(err error) *huma.ErrorModel {
	var problem *huma.ErrorModel
	if errors.As(err, &problem) {
		return problem
	}
	var refusal *decide.Refusal
	if errors.As(err, &refusal) {
		return problemOfRefusal(refusal)
	}
	for _, row := range verdicts {
		if errors.Is(err, row.err) {
			return newProblem(row.status, row.detail)
		}
	}
	return newProblem(http.StatusInternalServerError, "this is not your fault; the server's log has the cause under the X-Request-Id of this answer")
}

func problemOfRefusal(refusal *decide.Refusal) *huma.ErrorModel {
	if refusal.Field == "" {
		return newProblem(statusOf(refusal), refusal.Reason)
	}
	return fieldProblem(statusOf(refusal), "body."+refusal.Field, refusal.Reason)
}

// inPath is an error whose refused field, if it has one, stands in the path.
func inPath(err error) error {
	refusal := (*decide.Refusal)(nil)
	if !errors.As(err, &refusal) || refusal.Field == "" {
		return err
	}
	return fieldProblem(statusOf(refusal), "path."+refusal.Field, refusal.Reason)
}

func statusOf(refusal *decide.Refusal) int {
	switch {
	case refusal.Kind == decide.Forbidden:
		return http.StatusForbidden
	case refusal.Kind == decide.Taken:
		return http.StatusConflict
	case refusal.Kind == decide.Unknown && refusal.Field == "":
		return http.StatusNotFound
	}
	return http.StatusUnprocessableEntity
}

// fail is an error as a handler of huma's returns it. What the client is told
// never has the cause.
func (s *Server) fail(ctx context.Context, err error) error {
	problem := s.judge(ctx, err)
	if problem.Status != http.StatusServiceUnavailable {
		return problem
	}
	return huma.ErrorWithHeaders(problem, http.Header{"Retry-After": {strconv.Itoa(retryAfter)}})
}

// judge is problemOf, and keeps faults for the request's log line. What failed
// because the client has left is none.
func (s *Server) judge(ctx context.Context, err error) *huma.ErrorModel {
	problem := problemOf(err)
	switch {
	case problem.Status < http.StatusInternalServerError:
	case errors.Is(ctx.Err(), context.Canceled):
		return newProblem(statusGone, "the client has left")
	default:
		requestOf(ctx).fault = err
	}
	return problem
}

// refuse answers a request with the problem of an error.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := s.judge(r.Context(), err)
	switch problem.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="parley"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	body, err := json.Marshal(problem)
	if err != nil { // a problem holds strings and a number
		panic(err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(problem.Status)
	_, _ = w.Write(body) // who does not take the answer has left
}

// clarify makes huma's own problems like ours: it gives them our titles, names
// the fields in the detail, and takes the values that were sent out of them,
// which may be personal or secret.
func clarify(_ huma.Context, _ string, body any) (any, error) {
	problem, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	if title := titles[problem.Status]; title != "" {
		problem.Title = title
	}
	for i, detail := range problem.Errors {
		detail.Value = nil
		pinpoint(detail)
		if i == 0 {
			problem.Detail = detail.Location + ": " + detail.Message
		}
	}
	return problem, nil
}
