package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/events/media"
	"parley/projections"
)

func (s *Server) mediaRoutes() {
	serve[uploadInput, uploadOutput](s, members(), huma.Operation{
		OperationID:   "uploadMedia",
		Method:        http.MethodPost,
		Path:          "/v1/media",
		Summary:       "Upload a file",
		Description:   "The body is the file itself, up to 25 MB. What it is, is found from its bytes: GIF, PNG, JPEG, WebP, MP4, WebM, MP3, OGG and WAV are shown, anything else is a download. A file that no message has is removed after a day.",
		Tags:          []string{"media"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  media.MaxBytes,
	}, s.uploadMedia)
	serve[mediaInput, mediaOutput](s, linked(), huma.Operation{
		OperationID: "getMedia",
		Method:      http.MethodGet,
		Path:        "/v1/media/{digest}",
		Summary:     "A file",
		Description: "For whoever uploaded it, for participants of a conversation in which it was sent, and for anybody with a link that has not expired. Takes Range and If-None-Match.",
		Tags:        []string{"media"},
		Errors:      []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable},
		Responses:   files(),
	}, s.getMedia)
	s.documentStatus("/v1/media/{digest}", http.MethodGet, http.StatusNotModified, "The client has the file", nil)
	register(s, members(), huma.Operation{
		OperationID:  "linkMedia",
		Method:       http.MethodPost,
		Path:         "/v1/media/links",
		Summary:      "Links to files that need no token",
		Description:  "For pages, whose images cannot send a token. Whoever has a link can read the file until it expires.",
		Tags:         []string{"media"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.linkMedia)
}

// The inputs and outputs document what the handlers below read and write.
type (
	uploadInput struct {
		KeyHeader
		RawBody []byte `contentType:"application/octet-stream"`
	}
	uploadOutput struct {
		PositionHeader
		Body uploaded
	}
	mediaInput struct {
		WaitHeader
		Digest    string `path:"digest" doc:"The file's SHA-256, 64 hex digits." pattern:"^[0-9a-f]{64}$"`
		Expires   int64  `query:"expires" doc:"As a link has it."`
		Signature string `query:"signature" doc:"As a link has it."`
		Range     string `header:"Range"`
		Match     string `header:"If-None-Match" doc:"The ETag of the file that the client has."`
	}
	mediaOutput struct {
		ETag string `header:"ETag"`
		Body func(huma.Context)
	}
)

// uploaded is a file that was just brought.
type uploaded struct {
	projections.Attachment
	// KeptUntil is how long the file is kept though no message has it.
	KeptUntil time.Time `json:"keptUntil"`
}

func (s *Server) uploadMedia(w http.ResponseWriter, r *http.Request) {
	file, position, err := s.upload(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	tellPosition(w, position)
	answer(w, http.StatusCreated, uploaded{projections.AttachmentOf(file.Media, file.MediaInfo, ""), file.Until})
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) (commands.File, uint64, error) {
	ctx := r.Context()
	cause, err := keyedCause(r)
	if err != nil {
		return commands.File{}, 0, err
	}
	if r.ContentLength > media.MaxBytes {
		return commands.File{}, 0, commands.ErrUploadTooLarge
	}
	caller := callerOf(ctx)
	file, written, err := s.Library.Upload(ctx, cause, caller.ID(), kept(caller), s.patient(w, r))
	if err != nil {
		return commands.File{}, 0, err
	}
	at, err := s.writtenAt(ctx, events.MediaStream(file.Media), written)
	return file, at.Position, err
}

// kept is how long a file is kept though nobody sends it: apps send theirs
// again and again.
func kept(caller *Caller) time.Duration {
	if caller.App != uuid.Nil {
		return decide.AppUploadKept
	}
	return decide.UploadKept
}

func (s *Server) getMedia(w http.ResponseWriter, r *http.Request) {
	file, err := s.readable(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if r.URL.Query().Has(linkSignature) {
		w.Header()["Cross-Origin-Resource-Policy"] = anyOrigin
	}
	s.sendMedia(w, r, file, mediaCaching)
}

func (s *Server) sendMedia(w http.ResponseWriter, r *http.Request, file commands.File, caching []string) {
	blob, err := s.Library.Open(r.Context(), file)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer blob.Close()
	h := w.Header()
	h["Content-Security-Policy"] = mediaPolicy
	h["Cache-Control"] = caching
	h["Content-Type"] = []string{file.ContentType}
	h["Content-Disposition"] = []string{disposition(file)}
	h["Etag"] = []string{`"` + file.Media.String() + `"`}
	http.ServeContent(&fileRefuser{w, func(err error) { s.refuse(w, r, err) }, false}, r, "", time.Time{}, blob)
}

var (
	errRange = errors.New("the file has no such range")
	errMatch = errors.New("the file has another ETag")
)

// fileRefuser answers with a problem where http.ServeContent refuses a range in
// plain text, or what If-Match asks for without a word.
type fileRefuser struct {
	http.ResponseWriter
	refuse  func(error)
	refused bool
}

// WriteHeader implements http.ResponseWriter.
func (f *fileRefuser) WriteHeader(status int) {
	var err error
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		err = errRange
	case http.StatusPreconditionFailed:
		err = errMatch
	default:
		f.ResponseWriter.WriteHeader(status)
		return
	}
	f.refused = true
	f.Header().Del("Content-Disposition")
	f.Header().Del("Cache-Control")
	f.refuse(err)
}

// Write implements http.ResponseWriter.
func (f *fileRefuser) Write(body []byte) (int, error) {
	if f.refused {
		return len(body), nil
	}
	return f.ResponseWriter.Write(body)
}

// ReadFrom implements io.ReaderFrom, so that the kernel can send a file without
// its bytes coming here.
func (f *fileRefuser) ReadFrom(from io.Reader) (int64, error) {
	if f.refused {
		return io.Copy(io.Discard, from)
	}
	return io.Copy(f.ResponseWriter, from)
}

var (
	// mediaPolicy lets nothing that a file may hold run, wherever it is opened.
	mediaPolicy = []string{"default-src 'none'; sandbox; frame-ancestors 'none'"}
	// anyOrigin lets pages of other origins show what needs no token to be read.
	anyOrigin = []string{"cross-origin"}
	// mediaCaching: a file never changes under its name.
	mediaCaching = []string{"private, max-age=31536000, immutable"}
)

// extensions are how files are named that are saved.
var extensions = map[string]string{
	"image/gif": "gif", "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp",
	"video/mp4": "mp4", "video/webm": "webm", "video/ogg": "ogv",
	"audio/mp4": "m4a", "audio/webm": "weba", "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/wav": "wav",
}

// files documents a file, whole or in part. It is bytes, which JSON Schema has
// no type for.
func files() map[string]*huma.Response {
	types := append(slices.Sorted(maps.Keys(extensions)), "application/octet-stream")
	responses := sends("", types...)
	part := sends("", append(types, "multipart/byteranges")...)["200"]
	part.Description = "The part of the file that Range asks for"
	responses["206"] = part
	return responses
}

// disposition has a file that is not one of the known kinds saved and not
// shown.
func disposition(file commands.File) string {
	name := file.Media.String()[:12]
	if extension := extensions[file.ContentType]; extension != "" {
		return `inline; filename="` + name + `.` + extension + `"`
	}
	return `attachment; filename="` + name + `.bin"`
}

// readable finds the file that a request asks for, unless it is not for
// whoever asks. They are told the same whether it exists or not.
func (s *Server) readable(r *http.Request) (commands.File, error) {
	digest, err := events.ParseDigest(r.PathValue("digest"))
	if err != nil {
		return commands.File{}, refusedField("path.digest", err.Error())
	}
	position, err := headerPosition(r)
	if err != nil {
		return commands.File{}, err
	}
	if err := s.reaches(r.Context(), projections.MediaName, position); err != nil {
		return commands.File{}, err
	}
	query := r.URL.Query()
	if !query.Has(linkSignature) {
		return s.Library.Visible(r.Context(), digest, callerOf(r.Context()).ID())
	}
	if err := s.checkLink(digest, query.Get(linkExpires), query.Get(linkSignature)); err != nil {
		return commands.File{}, err
	}
	return s.Library.File(r.Context(), digest, uuid.Nil)
}

// patient is a request's body that may take long, as long as it goes on
// coming.
func (s *Server) patient(w http.ResponseWriter, r *http.Request) *patientBody {
	return &patientBody{r.Body, http.NewResponseController(w), s.Limits.Body}
}

type patientBody struct {
	body       io.Reader
	connection *http.ResponseController
	patience   time.Duration
}

func (p *patientBody) Read(into []byte) (int, error) {
	// Deadlines are of the network's clock, not of ours. A writer without a
	// connection has none, and its body is in memory.
	_ = p.connection.SetReadDeadline(time.Now().Add(p.patience))
	n, err := p.body.Read(into)
	if err != nil {
		_ = p.connection.SetReadDeadline(time.Time{})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = errors.Join(errBodyUnread, err)
	}
	return n, err
}

// sweptAtOnce bounds how many files one sweep removes.
const sweptAtOnce = 1000

// SweepMedia removes files that no message has, and returns how many. If there
// are many, some are left for the next time. If the view does not show all that
// is in the log, and so not every message, nothing is removed: the error is that
// of waiting for it.
func (s *Server) SweepMedia(ctx context.Context) (int, error) {
	tip, err := events.Tip(ctx, s.Journal.Log)
	if err != nil {
		return 0, err
	}
	if err := s.reaches(ctx, projections.MediaName, uint64(tip)); err != nil {
		return 0, err
	}
	since, kept := decide.Unsendable(s.Now())
	idle, err := s.Views.Media.Idle(ctx, since, kept, sweptAtOnce)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, file := range idle {
		swept, err := s.Library.Sweep(ctx, file.Media, file.Since)
		if err != nil {
			return count, fmt.Errorf("removing %s: %w", file.Media, err)
		}
		if swept {
			count++
		}
	}
	return count, nil
}
