package events_test

import (
	"crypto/sha256"
	"time"

	"parley/events"
)

var picture = events.Digest(sha256.Sum256([]byte("a picture")))

var mediaExamples = []events.Fact{
	&events.MediaUploaded{
		Media: picture, By: ada, KeepUntil: time.Date(2015, time.March, 26, 17, 0, 0, 0, time.UTC), Generation: 1,
		MediaInfo: events.MediaInfo{ContentType: "image/gif", Size: 4711, Width: 116, Height: 100, Frames: 14},
	},
	&events.MediaSwept{Media: picture, Generation: 1},
}
