package media

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/gabriel-vasile/mimetype"

	"parley/events"
)

// Bounds of images. They are read from what an image claims, before anything
// is made of it.
const (
	MaxPixels = 100_000_000
	MaxFrames = 10_000
)

// Damage is why a file is not accepted: it claims to be something that it is
// not whole, or that is too large to be shown.
type Damage struct{ Reason string }

func (d *Damage) Error() string { return d.Reason }

func damaged(format string, args ...any) error { return &Damage{fmt.Sprintf(format, args...)} }

// download is the type of everything that is not shown.
const download = "application/octet-stream"

// shown are the types that are shown, by what mimetype calls them, and how
// they are served. Audio and video are left to the browser, which plays them
// in a sandbox of its own.
var shown = map[string]format{
	"image/gif":              {"image/gif", walkGIF},
	"image/png":              {"image/png", walkPNG},
	"image/vnd.mozilla.apng": {"image/png", walkPNG},
	"image/jpeg":             {"image/jpeg", walkJPEG},
	"image/webp":             {"image/webp", walkWebP},
	"video/mp4":              {"video/mp4", walkMP4},
	"audio/mp4":              {"audio/mp4", walkMP4},
	"audio/x-m4a":            {"audio/mp4", walkMP4},
	"video/webm":             {"video/webm", nil},
	"audio/webm":             {"audio/webm", nil},
	"audio/mpeg":             {"audio/mpeg", nil},
	"audio/ogg":              {"audio/ogg", nil},
	"video/ogg":              {"video/ogg", nil},
	"application/ogg":        {"audio/ogg", nil},
	"audio/wav":              {"audio/wav", nil},
}

// format is how a type is served, and how its structure is read.
type format struct {
	contentType string
	// walk reads a file from its first to its last block, without unpacking
	// any; it is nil where the type alone is looked at.
	walk func(*bufio.Reader, *events.MediaInfo) error
}

// sniffed is how much of a file tells its type.
const sniffed = 3072

// Inspect finds out what a file is from its bytes: its type, and for images
// how large they are and how many frames they have. The memory it takes does
// not depend on what the file claims. Size is left for the caller, who counts.
//
// Errors: *Damage, and those of the reader.
func Inspect(file io.Reader) (events.MediaInfo, error) {
	r := bufio.NewReaderSize(file, 32<<10)
	head, err := r.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return events.MediaInfo{}, err
	}
	info := events.MediaInfo{ContentType: download}
	kind, ok := formatOf(mimetype.Detect(head))
	if !ok {
		return info, nil
	}
	info.ContentType = kind.contentType
	if kind.walk == nil {
		return info, nil
	}
	err = kind.walk(r, &info)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = damaged("breaks off in the middle of its %s data", kind.contentType)
	}
	return info, err
}

// formatOf also knows the types that are a kind of one that is shown.
func formatOf(found *mimetype.MIME) (format, bool) {
	for ; found != nil; found = found.Parent() {
		if kind, ok := shown[found.String()]; ok {
			return kind, true
		}
	}
	return format{}, false
}

// sized sets an image's measures, or refuses them.
func sized(info *events.MediaInfo, width, height int) error {
	if width <= 0 || height <= 0 {
		return damaged("claims to be %d by %d pixels", width, height)
	}
	if int64(width)*int64(height) > MaxPixels {
		return damaged("claims to be %d by %d pixels; at most %d are taken", width, height, MaxPixels)
	}
	info.Width, info.Height = width, height
	return nil
}

// framed counts one more frame.
func framed(info *events.MediaInfo) error {
	info.Frames++
	if info.Frames > MaxFrames {
		return damaged("has more than %d frames", MaxFrames)
	}
	return nil
}

// skip passes over bytes that must be there.
func skip(r *bufio.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, r, n)
	return err
}
