package projections_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/events"
	"parley/projections"
)

// bring uploads a file, kept for a day.
func (w *world) bring(content string, after time.Duration) events.Digest {
	w.t.Helper()
	media := events.Digest(sha256.Sum256([]byte(content)))
	w.append(events.MediaStream(media), by(ann, after), &events.MediaUploaded{
		Media: media, By: ann, KeepUntil: morning.Add(after + 24*time.Hour), MediaInfo: events.MediaInfo{ContentType: "text/plain", Size: 1},
	})
	return media
}

func TestIdleFiles(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		early, late, gone := w.bring("early", 0), w.bring("late", time.Hour), w.bring("gone", 0)
		w.append(events.MediaStream(gone), by(ann, 26*time.Hour), &events.MediaSwept{Media: gone})
		w.bring("again", 0)
		again := w.bring("again", 2*time.Hour)
		set, _ := w.settled()
		idle := func(since, kept time.Duration) []projections.Idle {
			t.Helper()
			found, err := set.Media.Idle(t.Context(), morning.Add(since), morning.Add(kept), 10)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		first, second := projections.Idle{Media: early, Since: morning}, projections.Idle{Media: late, Since: morning.Add(time.Hour)}
		third := projections.Idle{Media: again, Since: morning.Add(2 * time.Hour)}
		for _, c := range []struct {
			since, kept time.Duration
			want        []projections.Idle
		}{
			{0, 23 * time.Hour, nil},
			{0, 24 * time.Hour, []projections.Idle{first}},
			{time.Hour, 25 * time.Hour, []projections.Idle{first, second}},
			{time.Hour, 300 * time.Hour, []projections.Idle{first, second}},
			{300 * time.Hour, 300 * time.Hour, []projections.Idle{first, second, third}},
		} {
			if diff := cmp.Diff(c.want, idle(c.since, c.kept)); diff != "" {
				t.Errorf("idle since %s and kept until %s (-want +got):\n%s", c.since, c.kept, diff)
			}
		}
	})
}
