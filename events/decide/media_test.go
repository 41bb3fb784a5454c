package decide_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"parley/events"
	"parley/events/decide"
)

var (
	picture = events.Digest(sha256.Sum256([]byte("a picture")))
	still   = events.MediaInfo{ContentType: "image/png", Size: 100, Width: 3, Height: 2, Frames: 1}
)

func file(past ...events.Fact) *decide.Media {
	m := decide.NewMedia()
	for _, fact := range past {
		m = decide.EvolveMedia(m, fact)
	}
	return m
}

// brought is an upload of the picture by ada, a time before noon.
func brought(ago time.Duration) *events.MediaUploaded {
	return &events.MediaUploaded{Media: picture, By: ada, MediaInfo: still, KeepUntil: noon.Add(decide.UploadKept - ago)}
}

func TestTakeUpload(t *testing.T) {
	upload := decide.Upload{Media: picture, By: ada, Info: still, Now: noon, Kept: decide.UploadKept}
	t.Run("anybody may bring a file", func(t *testing.T) {
		got, err := decide.TakeUpload(file(), upload)
		when(t, got, err).then(brought(0))
	})
	t.Run("once an hour", func(t *testing.T) {
		got, err := decide.TakeUpload(file(brought(time.Minute)), upload)
		when(t, got, err).then()
		got, err = decide.TakeUpload(file(brought(2*time.Hour)), upload)
		when(t, got, err).then(brought(0))
	})
	t.Run("and again when it was swept", func(t *testing.T) {
		swept := file(brought(48*time.Hour), &events.MediaSwept{Media: picture})
		got, err := decide.TakeUpload(swept, upload)
		when(t, got, err).thenRefused(decide.Taken, "")
		upload.Generation = 1
		want := brought(0)
		want.Generation = 1
		got, err = decide.TakeUpload(swept, upload)
		when(t, got, err).then(want)
	})
}

func TestSendable(t *testing.T) {
	swept := &events.MediaSwept{Media: picture}
	for name, c := range map[string]struct {
		file *decide.Media
		seen bool
		ok   bool
	}{
		"brought just now":               {file(brought(0)), false, true},
		"brought too long ago":           {file(brought(25 * time.Hour)), false, false},
		"brought long ago but sent once": {file(brought(25 * time.Hour)), true, true},
		"swept":                          {file(brought(0), swept), true, false},
		"never brought":                  {file(), false, false},
	} {
		if err := decide.Sendable(c.file, ada, noon, c.seen); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	when(t, nil, decide.Sendable(file(brought(0)), bob, noon, false)).thenRefused(decide.Invalid, "attachments")
	if err := decide.Sendable(file(brought(0)), bob, noon, true); err != nil {
		t.Errorf("what bob has seen: %v", err)
	}
}

func TestSweep(t *testing.T) {
	sweep := func(m *decide.Media, unsent time.Duration) outcome {
		got, err := decide.Sweep(m, picture, noon.Add(-unsent), noon)
		return when(t, got, err)
	}
	gone := &events.MediaSwept{Media: picture}
	sweep(file(brought(25*time.Hour)), 25*time.Hour).then(gone)
	sweep(file(brought(24*time.Hour)), 24*time.Hour).then()
	// It may have had a message until a minute ago.
	sweep(file(brought(300*time.Hour)), time.Minute).then()
	// Somebody else brought it since.
	other := brought(time.Minute)
	other.By = bob
	sweep(file(brought(300*time.Hour), other), 300*time.Hour).then()
	sweep(file(brought(300*time.Hour), gone), 300*time.Hour).then()
	sweep(file(), 300*time.Hour).then()
}
