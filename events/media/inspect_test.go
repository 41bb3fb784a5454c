package media_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	_ "golang.org/x/image/webp"

	"parley/events"
	"parley/events/media"
)

// realMedia is a folder of files that nobody made for these tests.
func realMedia(t testing.TB) string {
	t.Helper()
	folder := filepath.FromSlash("../../../shared/data/media")
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
			t.Fatal("real media are required, and ../shared/data/media, seen from the project's root, is not there")
		}
		t.Skip("real media are not at ../shared/data/media, seen from the project's root")
	}
	return folder
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestRealMedia(t *testing.T) {
	folder := realMedia(t)
	for file, want := range map[string]events.MediaInfo{
		"gif/anim-gr.gif":                {ContentType: "image/gif", Width: 100, Height: 50, Frames: 2},
		"gif/gifplayer-muybridge.gif":    {ContentType: "image/gif", Width: 472, Height: 298, Frames: 380},
		"gif/moon_impact.gif":            {ContentType: "image/gif", Width: 116, Height: 100, Frames: 14},
		"webp/random_lossless.webp":      {ContentType: "image/webp", Width: 64, Height: 63, Frames: 3},
		"webp/random_lossy.webp":         {ContentType: "image/webp", Width: 99, Height: 87, Frames: 4},
		"mdn/bear.ogg":                   {ContentType: "audio/ogg"},
		"mdn/t-rex-roar.mp3":             {ContentType: "audio/mpeg"},
		"mdn/flower.webm":                {ContentType: "video/webm"},
		"mdn/friday.mp4":                 {ContentType: "video/mp4"},
		"mdn/rabbit320.mp4":              {ContentType: "video/mp4"},
		"hostile/fixture-json.webp":      {ContentType: "application/octet-stream"},
		"hostile/fixture-corrupt.mkv":    {ContentType: "application/octet-stream"},
		"hostile/fixture-bad-offset.mp3": {ContentType: "audio/mpeg"},
	} {
		got, err := media.Inspect(bytes.NewReader(read(t, folder, file)))
		if err != nil || got != want {
			t.Errorf("%s is %+v (%v), want %+v", file, got, err, want)
		}
	}
}

func TestHostileMediaIsRefusedWithAReason(t *testing.T) {
	folder := realMedia(t)
	for file, want := range map[string]string{
		"fixture-corrupt.png":               "does not match its checksum",
		"fixture-isom.mp4":                  "breaks off",
		"issue-101-infinite-empty-loop.gif": "6727 by 65351",
		"issue-117-out-of-range.gif":        "packed with 0 bits",
		"issue-96-small-codesize.gif":       "185 by 0",
		"png-truncated.png":                 "breaks off",
	} {
		_, err := media.Inspect(bytes.NewReader(read(t, folder, "hostile", file)))
		var damage *media.Damage
		if !errors.As(err, &damage) || !strings.Contains(damage.Reason, want) {
			t.Errorf("%s: %v, want damage that says %q", file, err, want)
		}
	}
}

// TestClaimsCostNothing inspects an image of 439 million pixels in 40 bytes,
// and a chunk of 4 GB in 60.
func TestClaimsCostNothing(t *testing.T) {
	huge := append([]byte("GIF89a"), 0x47, 0x1a, 0x47, 0xff, 0, 0, 0, 0x2c)
	chunk := append(encoded(t, "png", 1, 1)[:33], 0xff, 0xff, 0xff, 0xff, 'I', 'D', 'A', 'T')
	for _, content := range [][]byte{huge, chunk} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := media.Inspect(bytes.NewReader(content)); err == nil {
			t.Errorf("%q was accepted", content)
		}
		runtime.ReadMemStats(&after)
		if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20 {
			t.Errorf("inspecting %d bytes took %d bytes of memory", len(content), cost)
		}
	}
}

// encoded is an image of random measures as the standard library writes it.
func encoded(t testing.TB, format string, width, height int) []byte {
	t.Helper()
	picture := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White})
	var out bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&out, picture)
	case "jpeg":
		err = jpeg.Encode(&out, picture, nil)
	case "gif":
		err = gif.EncodeAll(&out, &gif.GIF{Image: []*image.Paletted{picture, picture, picture}, Delay: []int{1, 1, 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestMeasures(t *testing.T) {
	for format, frames := range map[string]int{"png": 1, "jpeg": 1, "gif": 3} {
		content := encoded(t, format, 31, 17)
		want := events.MediaInfo{ContentType: "image/" + format, Width: 31, Height: 17, Frames: frames}
		if got, err := media.Inspect(bytes.NewReader(content)); err != nil || got != want {
			t.Errorf("%s is %+v (%v), want %+v", format, got, err, want)
		}
		for _, end := range []int{len(content) - 3, 20} {
			if got, err := media.Inspect(bytes.NewReader(content[:end])); err == nil {
				t.Errorf("%d of %d bytes of a %s were accepted as %+v", end, len(content), format, got)
			}
		}
	}
}

func TestNamesOfKinds(t *testing.T) {
	for info, want := range map[events.MediaInfo]events.MediaKind{
		{ContentType: "image/gif", Frames: 2}:     events.AnimationMedia,
		{ContentType: "image/gif", Frames: 1}:     events.ImageMedia,
		{ContentType: "video/mp4"}:                events.VideoMedia,
		{ContentType: "audio/ogg"}:                events.AudioMedia,
		{ContentType: "application/octet-stream"}: events.FileMedia,
	} {
		if got := info.Kind(); got != want {
			t.Errorf("%+v is of kind %s, want %s", info, got, want)
		}
	}
}

// FuzzInspect holds that no file makes Inspect panic, and that it agrees with
// the standard library on how large an image is.
func FuzzInspect(f *testing.F) {
	for _, format := range []string{"png", "jpeg", "gif"} {
		f.Add(encoded(f, format, 3, 2))
	}
	f.Add([]byte("RIFF\x1e\x00\x00\x00WEBPVP8L\x11\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x08ftypisom\x00\x00\x00\x01moov\x00\x00\x00\x00\x00\x00\x00\x10"))
	paths, err := filepath.Glob(filepath.FromSlash("../../../shared/data/media/*/*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		if content := read(f, path); len(content) < 4<<10 {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		info, err := media.Inspect(bytes.NewReader(content))
		if err != nil || info.Width == 0 {
			return
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(content))
		if err == nil && (config.Width != info.Width || config.Height != info.Height) {
			t.Errorf("%d by %d, but the standard library reads %d by %d", info.Width, info.Height, config.Width, config.Height)
		}
	})
}
