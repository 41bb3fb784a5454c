package projections

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// FuzzWrittenForm: what the fast reader accepts, the decoder reads alike.
func FuzzWrittenForm(f *testing.F) {
	for _, seed := range []string{
		`{"$correlationId":"c","$causationId":"d","actor":"a","occurredAt":"2026-03-02T08:00:00.5Z","v":1}`,
		`{"actor":"","occurredAt":"2026-03-02T08:00:00+02:00","v":2}`,
		`{"actor":"\u00e9","occurredAt":"2026-03-02T08:00:00Z","v":1}`,
		`{"actor":"a","occurredAt":"2026-03-02T08:00:00Z","v":01}`,
		`{"actor":"a","occurredAt":"2026-03-02T08:00:00Z","v":1} `,
		`{"$correlationId":"c"`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, metadata []byte) {
		actor, at, ok := writtenForm(metadata)
		if !ok {
			return
		}
		meta, err := events.DecodeMetadata(metadata)
		if err != nil || meta.Actor != string(actor) || !meta.OccurredAt.Equal(at) {
			t.Errorf("%q: read %q %v, but it is %q %v, %v", metadata, actor, at, meta.Actor, meta.OccurredAt, err)
		}
	})
}

func TestWrittenFormIsWhatIsWritten(t *testing.T) {
	meta := events.Metadata{
		Correlation: uuid.NewString(), Causation: uuid.NewString(), Actor: uuid.NewString(),
		OccurredAt: time.Date(2026, 3, 2, 8, 0, 0, 123, time.UTC), Version: 2,
	}
	for _, change := range []func(){func() {}, func() { meta.Causation = "" }, func() { meta.Correlation = "" }} {
		change()
		encoded, err := json.Marshal(meta)
		if err != nil {
			t.Fatal(err)
		}
		if actor, at, ok := writtenForm(encoded); !ok || string(actor) != meta.Actor || !at.Equal(meta.OccurredAt) {
			t.Errorf("%s: %q %v %v", encoded, actor, at, ok)
		}
	}
}

func TestDaysBeforeTheEpoch(t *testing.T) {
	for _, day := range []time.Time{
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(1969, 12, 29, 0, 0, 0, 0, time.UTC), // a Monday
		time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
	} {
		start := startOfDay(dayOf(day))
		if want := day.Truncate(24 * time.Hour); !start.Equal(want) {
			t.Errorf("the day of %v is %v", day, start)
		}
		monday := startOfDay(weekSpan.floor(dayOf(day)))
		if monday.Weekday() != time.Monday || start.Sub(monday) >= 7*24*time.Hour || monday.After(start) {
			t.Errorf("the week of %v begins at %v", day, monday)
		}
		if first := startOfDay(monthSpan.floor(dayOf(day))); first.Day() != 1 || first.Month() != day.Month() {
			t.Errorf("the month of %v begins at %v", day, first)
		}
	}
}
