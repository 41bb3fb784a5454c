package events

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

// FuzzScanWritten: what the scanner accepts, the decoder reads alike.
func FuzzScanWritten(f *testing.F) {
	for _, seed := range []string{
		`{"$correlationId":"c","$causationId":"d","actor":"a","occurredAt":"2015-03-25T17:00:00.5Z","v":1}`,
		`{"actor":"","occurredAt":"2015-03-25T17:00:00+02:00","v":2}`,
		`{"actor":"\u00e9","occurredAt":"2015-03-25T17:00:00Z","v":1}`,
		`{"actor":"a","occurredAt":"2015-03-25T17:00:00Z","v":01}`,
		`{"actor":"a","occurredAt":"2015-03-25T17:00:00Z","v":1} `,
		`{"$correlationId":"c"`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, ok := scanWritten(data); !ok {
			return
		}
		scanned, err := DecodeMetadata(data)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decodeMetadata(data)
		if !scanned.OccurredAt.Equal(decoded.OccurredAt) {
			t.Errorf("%q: scanned %v, decoded %v", data, scanned.OccurredAt, decoded.OccurredAt)
		}
		scanned.OccurredAt, decoded.OccurredAt = time.Time{}, time.Time{}
		if err != nil || scanned != decoded {
			t.Errorf("%q: scanned %+v, decoded %+v, %v", data, scanned, decoded, err)
		}
	})
}

func TestWhatIsWrittenIsScanned(t *testing.T) {
	meta := Metadata{
		Correlation: "request-1", Causation: "cause-1", Actor: "00000000-0000-7000-8000-00000000000a",
		OccurredAt: time.Date(2015, time.March, 25, 17, 0, 0, 123, time.UTC), Version: 2,
	}
	for _, change := range []func(){func() {}, func() { meta.Causation = "" }, func() { meta.Correlation = "" }} {
		change()
		encoded, err := json.Marshal(meta)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := scanWritten(encoded); !ok {
			t.Errorf("not scanned: %s", encoded)
		}
		if read, err := DecodeMetadata(encoded); err != nil || !reflect.DeepEqual(read, meta) {
			t.Errorf("%s: read %+v, %v", encoded, read, err)
		}
	}
}

// FuzzScanMessage: what the scanner accepts, the decoder reads alike.
func FuzzScanMessage(f *testing.F) {
	const people = `{"conversation":"ad68abd5-e4b5-539f-87e7-5b3c030bc59a","author":"01a203fe-c8c1-7df4-97a7-22ea896cab45"`
	for _, seed := range []string{
		people + `,"text":"AZZqUHsx"}`, people + `,"text":"AZZqUH==","replyTo":7}`,
		people + `,"text":"AZZqUHsx","replyTo":07}`, people + `,"text":"AZZqUHsx","replyTo":-1}`,
		people + `,"text":"AZZqUHsx","merchant":"01a203fe-c8c1-7df4-97a7-22ea896cab45","order":{"order":"ad68abd5-e4b5-539f-87e7-5b3c030bc59a","entry":12}}`,
		people + `,"text":"AZZqUHsx","order":{"order":"ad68abd5-e4b5-539f-87e7-5b3c030bc59a","entry":1,"more":2}}`,
		people + `,"text":""}`, people + `,"text":"AZZ"}`, people + `}`, `{}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var scanned, decoded MessagePosted
		if !scanned.scan(data) {
			return
		}
		if err := json.Unmarshal(data, &decoded); err != nil || !reflect.DeepEqual(scanned, decoded) {
			t.Errorf("%q: scanned %+v, decoded %+v, %v", data, scanned, decoded, err)
		}
	})
}

func TestWhatATellingOfAnOrderWritesIsScanned(t *testing.T) {
	const id = "01a203fe-c8c1-7df4-97a7-22ea896cab45"
	told := MessagePosted{Text: Secret{sealed: []byte("sealed")}, Order: &OrderNews{Order: uuid.MustParse(id), Entry: 3}}
	for _, merchant := range []uuid.UUID{uuid.Nil, uuid.MustParse(id)} {
		told.Merchant = merchant
		encoded, err := json.Marshal(told)
		if err != nil {
			t.Fatal(err)
		}
		var scanned MessagePosted
		if !scanned.scan(encoded) || !reflect.DeepEqual(scanned, told) {
			t.Errorf("%s: scanned %+v", encoded, scanned)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	recorded := Recorded{
		Type:     "MessagePosted",
		Metadata: []byte(`{"$correlationId":"01a203ff-21f9-7a7f-ae60-5e1e6fb840b7","actor":"01a203fe-c8c1-7df4-97a7-22ea896cab45","occurredAt":"2026-11-22T16:02:38.9962293Z","v":1}`),
		Data:     []byte(`{"conversation":"ad68abd5-e4b5-539f-87e7-5b3c030bc59a","author":"01a203fe-c8c1-7df4-97a7-22ea896cab45","text":"AZZqUHsx8EskJQKvaQx9c0bNNvvwyaE6jKye1RPRKYBQdXikwJkd9l7qtAtAJ8kGwu5aM+phanA/p8757Di/CuBH0IbxeR8Dl2mBQS0="}`),
	}
	for b.Loop() {
		if _, err := Decode(recorded); err != nil {
			b.Fatal(err)
		}
	}
}
