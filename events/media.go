package events

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Digest is the SHA-256 of a file's bytes, and the name it goes by. It is
// written as 64 lower-case hex digits.
type Digest [sha256.Size]byte

var errDigest = errors.New("a digest is 64 hex digits in lower case")

// ParseDigest reads what String wrote.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	if len(text) != hex.EncodedLen(len(d)) || strings.ToLower(text) != text {
		return Digest{}, errDigest
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, errDigest
	}
	return d, nil
}

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}

// MediaStream is where it is kept who uploaded a file, and whether its bytes
// are still there.
func MediaStream(media Digest) string { return "media-" + media.String() }

// MediaInfo is what a file is, found from its bytes.
type MediaInfo struct {
	ContentType string `json:"contentType"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Width and Height are in pixels, and Frames counts the pictures; all are
	// zero for what is no image.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	Frames int `json:"frames,omitempty"`
}

// MediaKind is how a file is shown.
type MediaKind string

const (
	ImageMedia     MediaKind = "image"
	AnimationMedia MediaKind = "animation"
	VideoMedia     MediaKind = "video"
	AudioMedia     MediaKind = "audio"
	// FileMedia is shown as a download only.
	FileMedia MediaKind = "file"
)

// Kind tells how to show the file.
func (i MediaInfo) Kind() MediaKind {
	family, _, _ := strings.Cut(i.ContentType, "/")
	switch {
	case family == "image" && i.Frames > 1:
		return AnimationMedia
	case family == "image":
		return ImageMedia
	case family == "video":
		return VideoMedia
	case family == "audio":
		return AudioMedia
	}
	return FileMedia
}

// MediaUploaded says that a file's bytes are in the blob store.
type MediaUploaded struct {
	Media Digest `json:"media"`
	// By is the user or app that brought the file.
	By uuid.UUID `json:"by"`
	MediaInfo
	// Generation counts how often the bytes were swept before, so that bytes
	// that come back are never those that are being deleted.
	Generation int `json:"generation,omitempty"`
	// KeepUntil is how long the bytes are kept though nobody sends them.
	KeepUntil time.Time `json:"keepUntil"`
}

// MediaSwept says that a file's bytes are no longer kept, since nobody sent
// them in time or all messages with them were retracted.
type MediaSwept struct {
	Media      Digest `json:"media"`
	Generation int    `json:"generation,omitempty"`
}

func (*MediaUploaded) secrets() []ownedSecret { return nil }
func (*MediaSwept) secrets() []ownedSecret    { return nil }
