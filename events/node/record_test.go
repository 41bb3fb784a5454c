package node

import (
	"encoding/hex"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// goldenEvent is the event whose record is in testdata.
func goldenEvent() (entry, events.Recorded) {
	entries := pack("messages-42", []events.Proposed{{
		ID:   uuid.MustParse("018f2d0a-7d7c-7000-8000-0123456789ab"),
		Type: "MessagePosted", Data: []byte(`{"text":"grüße"}`), Metadata: []byte(`{"v":1}`), Binary: true,
	}})
	e := entries[0]
	e.place(77, 12, 3, time.Date(2015, 3, 25, 10, 0, 0, 123456700, time.UTC))
	return e, e.event
}

// TestRecordFormat holds the bytes of every record format ever stored. A
// change here needs a new version beside the old one.
func TestRecordFormat(t *testing.T) {
	text, err := os.ReadFile("testdata/record.v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	e, want := goldenEvent()
	if got := hex.EncodeToString(e.packed); got != hex.EncodeToString(stored) {
		t.Errorf("packed as\n%s\nwant\n%x", got, stored)
	}
	var found events.Recorded
	if err := unpack(&found, 77, stored, newNames(2), &arena{}); err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("unpacked as %+v, %v; want %+v", found, err, want)
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	e, _ := goldenEvent()
	newer := append([]byte{recordVersion + 1}, e.packed[1:]...)
	var found events.Recorded
	if err := unpack(&found, 77, newer, newNames(2), &arena{}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer record: %v", err)
	}
	names := len(e.packed) - len(e.event.Data)
	for size := range names {
		err := unpack(&found, 77, e.packed[:size], newNames(2), &arena{})
		if err == nil || !strings.Contains(err.Error(), "position 77 is damaged") {
			t.Errorf("the first %d bytes of a record: %v", size, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	e, _ := goldenEvent()
	f.Add(e.packed)
	f.Add(e.packed[:40])
	f.Fuzz(func(t *testing.T, packed []byte) {
		var found events.Recorded
		if unpack(&found, 1, packed, newNames(2), &arena{}) != nil {
			return
		}
		again := pack(found.Stream, []events.Proposed{{
			ID: found.ID, Type: found.Type, Data: found.Data, Metadata: found.Metadata, Binary: found.Binary,
		}})[0]
		again.place(1, 1, int64(found.Revision), found.Created)
		var second events.Recorded
		if err := unpack(&second, 1, again.packed, newNames(2), &arena{}); err != nil || !reflect.DeepEqual(found, second) {
			t.Errorf("%+v became %+v, %v", found, second, err)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, data := range []string{`{"$maxCount":3,"$maxAge":60,"$tb":5}`, `{"$acl":{"$r":"x"}}`, `[]`, `{"$tb":-1}`} {
		f.Add([]byte(data), int64(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, revision int64) {
		m := parseMetadata(data)
		if m.maxCount < 0 || m.maxAge < 0 || m.truncateBefore < 0 {
			t.Errorf("%q is read as %+v", data, m)
		}
		changed, err := truncatedBefore(data, revision)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseMetadata(changed); m != (metadata{}) && got.truncateBefore != max(revision, 0) {
			t.Errorf("%q became %q, read as %+v", data, changed, got)
		}
	})
}
