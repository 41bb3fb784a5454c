package main

import (
	"bytes"
	"image/gif"
	"testing"

	"github.com/gabriel-vasile/mimetype"
)

func TestTheStorysClipsAreWhatTheySay(t *testing.T) {
	animation, err := bouncingBall()
	if err != nil {
		t.Fatal(err)
	}
	clip, err := gif.DecodeAll(bytes.NewReader(animation))
	if err != nil || len(clip.Image) != clipFrames || bytes.Equal(clip.Image[0].Pix, clip.Image[clipFrames/2].Pix) {
		t.Errorf("the animation does not move: %v", err)
	}
	still, err := ballStill()
	if err != nil {
		t.Fatal(err)
	}
	for want, content := range map[string][]byte{"image/gif": animation, "image/png": still, "audio/wav": chime()} {
		if got := mimetype.Detect(content); !got.Is(want) {
			t.Errorf("%s is seen as %s", want, got)
		}
	}
}
