package handlers

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// leastCompressed is how many bytes an answer has at least that is compressed:
// less fits into one packet either way.
const leastCompressed = 1400

// compressedTypes are compressed. Files and streams are not: most files are
// compressed already, and what is live is not to be held back.
var compressedTypes = []string{
	"application/json", "application/problem+json", "application/openapi+json",
	"text/html", "text/csv", "image/svg+xml",
}

// newCompressor makes the middleware that compresses what clients take
// compressed, by gzip or Zstandard (RFC 8878).
func newCompressor() (func(http.Handler) http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(leastCompressed),
		gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.ContentTypes(compressedTypes),
	)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		compressed := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case sentAsIs(r.URL.Path):
				next.ServeHTTP(w, r)
			case r.Header.Get("Accept-Encoding") == "":
				w.Header().Add("Vary", "Accept-Encoding")
				next.ServeHTTP(w, r)
			default:
				compressed(weakTags{w}, r)
			}
		})
	}, nil
}

// sentAsIs tells whether a path is that of a stream or a file.
func sentAsIs(path string) bool {
	return strings.HasSuffix(path, "/stream") || strings.HasSuffix(path, "/icon") || strings.HasPrefix(path, prefix+"/media/")
}

// weakTags makes entity tags weak for clients that may get an answer compressed
// or not: they tell what is said, which is the same in other bytes (RFC 9110,
// section 8.8.1). An answer and the 304 that stands for it have the same tag.
type weakTags struct{ http.ResponseWriter }

func (w weakTags) WriteHeader(status int) {
	header := w.Header()
	if tag := header.Get("ETag"); strings.HasPrefix(tag, `"`) {
		header["Etag"] = []string{"W/" + tag}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w weakTags) Unwrap() http.ResponseWriter { return w.ResponseWriter }
