// Package web serves the page that people read and write conversations on,
// with its side rooms for analysts, auditors and operators. The page is plain HTML,
// CSS and ES modules, embedded in the binary; everything it shows comes from
// the JSON API under /v1.
package web

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// contentSecurityPolicy lets the page run its own modules and styles, and talk
// to its own server. Nothing inline, nothing from elsewhere; trusted types
// leave no way to turn a text into markup.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self'; media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const (
	// revalidate is for addresses whose content changes with the program.
	revalidate = "no-cache"
	// forever is for addresses that name their content by its hash.
	forever = "public, max-age=31536000, immutable"
)

// Handler serves the page at /, /growth, /audit and /reports, and what it is
// made of under /assets/<hash of it all>/. Every other path is 404, every method but
// GET and HEAD 405.
func Handler() http.Handler {
	page := newPage(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		found, ok := page[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "This address can only be read.", http.StatusMethodNotAllowed)
		default:
			found.serve(w, r)
		}
	})
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// resource is one address of the page, ready to send in two encodings.
type resource struct {
	contentType string
	caching     string
	plain       encoded
	gzipped     encoded
}

type encoded struct {
	body []byte
	etag string
}

func (f *resource) serve(w http.ResponseWriter, r *http.Request) {
	form := f.plain
	if acceptsGzip(r.Header) {
		form = f.gzipped
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", f.caching)
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("ETag", form.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(form.body))
}

// acceptsGzip tells whether a client names gzip among the codings it takes, and
// does not weigh it with 0.
func acceptsGzip(h http.Header) bool {
	for _, header := range h.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(header, ",") {
			name, weight, weighed := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			_, value, _ := strings.Cut(weight, "=")
			quality, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return !weighed || err == nil && quality > 0
		}
	}
	return false
}
