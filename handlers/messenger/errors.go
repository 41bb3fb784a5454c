package messenger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/events/media"
	"parley/projections"
)

// Fault is an error as the platform has it.
type Fault struct {
	Status        int
	Code, Subcode int
	Message       string
}

func (f *Fault) Error() string { return f.Message }

// The platform's codes.
const (
	codeUnknown     = 1
	codePermission  = 10
	codeParameter   = 100
	codeToken       = 190
	codeNotGranted  = 200
	codeUnavailable = 551
	codeTooOften    = 613
	codeTemporary   = 1200

	subNoUser       = 2018001
	subFetch        = 2018008
	subEmpty        = 2018034
	subType         = 2018047
	subWindow       = 2018065
	subAttachment   = 2018074
	subTooLarge     = 2018109
	subNotOwner     = 2018300
	subUnreachable  = 1545041
	subNoSuchObject = 33
)

var (
	errNoToken     = &Fault{http.StatusUnauthorized, codeToken, 0, "An access token is required to request this resource."}
	errToken       = &Fault{http.StatusUnauthorized, codeToken, 0, "Invalid OAuth access token."}
	errProof       = &Fault{http.StatusBadRequest, codeParameter, 0, "Invalid appsecret_proof provided in the API argument"}
	errTooOften    = &Fault{http.StatusTooManyRequests, codeTooOften, 0, "(#613) Calls to this api have exceeded the rate limit."}
	errDaily       = &Fault{http.StatusTooManyRequests, codeTooOften, 0, "(#613) Calls to this api have exceeded the rate limit: 200 a day for each person the page is engaged with."}
	errUnsupported = &Fault{http.StatusBadRequest, codeParameter, subNoSuchObject, "Unsupported request: there is nothing at this path, or it does not take the method"}
	errNoUser      = &Fault{http.StatusBadRequest, codeParameter, subNoUser, "(#100) No matching user found"}
	errEmpty       = &Fault{http.StatusBadRequest, codeParameter, subEmpty, "(#100) Message cannot be empty, must provide valid attachment or text"}
	errWindow      = &Fault{http.StatusBadRequest, codePermission, subWindow, "(#10) This message is sent outside of allowed window."}
	errTooLarge    = &Fault{http.StatusRequestEntityTooLarge, codeParameter, subTooLarge, "(#100) Attachment size exceeds allowable limit"}
	errBodyLarge   = &Fault{http.StatusRequestEntityTooLarge, codeParameter, 0, "(#100) The request is too large"}
	errAttachment  = &Fault{http.StatusBadRequest, codeParameter, subAttachment, "(#100) Invalid attachment_id: this app uploaded no such attachment, or not in the last 90 days"}
)

// invalid is a parameter that cannot be what it is.
func invalid(param, format string, args ...any) error {
	return &Fault{http.StatusBadRequest, codeParameter, 0, fmt.Sprintf("(#100) Param %s %s", param, fmt.Sprintf(format, args...))}
}

func noSuchObject(name string) error {
	return &Fault{
		http.StatusBadRequest, codeParameter, subNoSuchObject,
		fmt.Sprintf("Unsupported request. Object with ID '%.100s' does not exist, or is not this token's", name),
	}
}

func badFetch(format string, args ...any) error {
	return &Fault{http.StatusBadRequest, codeParameter, subFetch, "(#100) Failed to fetch the file from the url: " + fmt.Sprintf(format, args...)}
}

func wrongType(wanted string, file events.MediaInfo) error {
	return &Fault{http.StatusBadRequest, codeParameter, subType, fmt.Sprintf("(#100) Upload attachment failure: the file is %s and no %s", file.ContentType, wanted)}
}

// verdicts say what bots are told of errors that are no refusals. The first row
// that matches counts; an error without a row is a fault of ours.
var verdicts = []struct {
	err   error
	fault Fault
}{
	{commands.ErrUploadTooLarge, *errTooLarge},
	{events.ErrTooLarge, *errBodyLarge},
	{events.ErrForgotten, Fault{http.StatusBadRequest, codeUnavailable, subUnreachable, "(#551) This person isn't available right now."}},
	{events.ErrKeyReused, Fault{http.StatusBadRequest, codeParameter, 0, "(#100) This Idempotency-Key was used before, for a different request"}},
	{errBodyUnread, Fault{http.StatusBadRequest, codeParameter, 0, "(#100) The request's body could not be read to its end"}},
	{events.ErrConflict, temporary("others changed this at the same time")},
	{events.ErrUnavailable, temporary("the event log is not available")},
	{media.ErrUnavailable, temporary("files cannot be stored or read now")},
	{projections.ErrUnavailable, temporary("the database of the views is not available")},
	{projections.ErrBuilding, temporary("a view is being built")},
	{context.DeadlineExceeded, temporary("this took too long")},
}

func temporary(why string) Fault {
	return Fault{http.StatusServiceUnavailable, codeTemporary, 0, "(#1200) Temporary send message failure. Please try again later: " + why}
}

// faultOf turns any error into what a bot is told of it.
func faultOf(err error) *Fault {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	var refusal *decide.Refusal
	if errors.As(err, &refusal) {
		return faultOfRefusal(refusal)
	}
	for _, row := range verdicts {
		if errors.Is(err, row.err) {
			return &row.fault
		}
	}
	return &Fault{http.StatusInternalServerError, codeUnknown, 0, "An unknown error occurred; the server's log has the cause under the fbtrace_id"}
}

func faultOfRefusal(r *decide.Refusal) *Fault {
	switch {
	case errors.Is(r, decide.ErrNotGranted):
		return &Fault{http.StatusForbidden, codeNotGranted, 0, "(#200) Permissions error: " + r.Reason}
	case errors.Is(r, decide.ErrNotThreadOwner):
		return &Fault{http.StatusForbidden, codePermission, subNotOwner, "(#10) Message not sent: " + r.Reason}
	case errors.Is(r, decide.ErrNotLinked):
		return &Fault{http.StatusBadRequest, codeUnavailable, subUnreachable, "(#551) This person isn't available right now: " + r.Reason}
	case r.Kind == decide.Unknown && r.Field == "":
		return errNoUser
	case r.Kind == decide.Forbidden:
		return &Fault{http.StatusForbidden, codePermission, 0, "(#10) " + r.Reason}
	case r.Field == "":
		return &Fault{http.StatusBadRequest, codeParameter, 0, "(#100) " + r.Reason}
	}
	return &Fault{http.StatusBadRequest, codeParameter, 0, fmt.Sprintf("(#100) Param %s %s", r.Field, r.Reason)}
}

// errorBody is a fault on the wire.
type errorBody struct {
	Error struct {
		Message   string `json:"message"`
		Type      string `json:"type"`
		Code      int    `json:"code"`
		Subcode   int    `json:"error_subcode,omitempty"`
		Transient bool   `json:"is_transient,omitempty"`
		Trace     string `json:"fbtrace_id"`
	} `json:"error"`
}

// statusGone is written to the log for a request whose client has left.
const statusGone = 499

// refuse answers a request with an error.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	fault := faultOf(err)
	if fault.Status >= http.StatusInternalServerError {
		if errors.Is(r.Context().Err(), context.Canceled) {
			fault = &Fault{statusGone, codeUnknown, 0, "the client has left"}
		} else {
			a.Blame(r.Context(), err)
		}
	}
	var body errorBody
	body.Error.Message, body.Error.Type = fault.Message, "OAuthException"
	body.Error.Code, body.Error.Subcode = fault.Code, fault.Subcode
	body.Error.Transient = fault.Status == http.StatusServiceUnavailable || fault.Status == http.StatusTooManyRequests
	body.Error.Trace = a.RequestID(r.Context())
	switch fault.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `OAuth "Parley" "invalid_token"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	sendJSON(w, fault.Status, body)
}

func sendJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // answers are made of strings, numbers and JSON that was checked
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // who does not take the answer has left
}
