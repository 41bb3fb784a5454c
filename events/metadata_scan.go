package events

import "time"

// written is metadata exactly as the Journal writes it; its strings are parts
// of the bytes it was read from.
type written struct {
	correlation, causation, actor []byte
	at                            time.Time
	version                       int
}

// scanWritten reads metadata that is as encoding/json writes it, if no string
// in it needs unescaping. It is what all but foreign metadata looks like, and
// is read in a tenth of the time that decoding takes.
func scanWritten(metadata []byte) (w written, ok bool) {
	s := scan(metadata)
	s.cut(`{`)
	for _, optional := range []struct {
		name  string
		value *[]byte
	}{{`"$correlationId":"`, &w.correlation}, {`"$causationId":"`, &w.causation}} {
		if s.has(optional.name) {
			s.cut(optional.name)
			*optional.value = s.text()
			s.cut(`,`)
		}
	}
	s.cut(`"actor":"`)
	w.actor = s.text()
	s.cut(`,"occurredAt":"`)
	stamp := s.text()
	s.cut(`,"v":`)
	w.version = int(s.number())
	s.cut(`}`)
	return w, s.done() && w.at.UnmarshalText(stamp) == nil
}
