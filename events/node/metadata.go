package node

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// metadata is what a stream's metadata says about the visibility of its
// events; a zero field says nothing.
type metadata struct {
	maxCount       int64
	maxAge         time.Duration
	truncateBefore int64
}

func (m metadata) softDeleted() bool { return m.truncateBefore == TombstoneRevision }

// parseMetadata reads the data of a $metadata event. All of it is ignored if
// it is no JSON object or one of the known fields has a wrong type; a value
// that is not positive is ignored alone.
func parseMetadata(data []byte) metadata {
	m, _ := parseDescription(data)
	return m
}

// parseDescription reads all that the data of a $metadata event says.
func parseDescription(data []byte) (metadata, acl) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return metadata{}, nil
	}
	var maxCount, maxAge, truncateBefore, cacheControl int64
	var granted acl
	for name, target := range map[string]any{
		"$maxCount": &maxCount, "$maxAge": &maxAge, "$tb": &truncateBefore,
		"$cacheControl": &cacheControl, "$acl": &granted,
	} {
		if value, ok := fields[name]; ok && json.Unmarshal(value, target) != nil {
			return metadata{}, nil
		}
	}
	return metadata{
		maxCount:       max(maxCount, 0),
		maxAge:         time.Duration(min(max(maxAge, 0), maxSeconds)) * time.Second,
		truncateBefore: max(truncateBefore, 0),
	}, granted
}

// maxSeconds is the longest age that a time.Duration holds.
const maxSeconds = int64(math.MaxInt64 / time.Second)

// softDeletion is the metadata of a deleted stream.
var softDeletion = []byte(`{"$tb":9223372036854775807}`)

// truncatedBefore is a copy of a stream's metadata with $tb set; the rest is
// kept if it is a JSON object.
func truncatedBefore(data []byte, revision int64) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		fields = map[string]json.RawMessage{}
	}
	tb, err := json.Marshal(revision)
	if err != nil {
		return nil, err
	}
	fields["$tb"] = tb
	return json.Marshal(fields)
}

func metastreamOf(stream string) string { return MetastreamPrefix + stream }

// originalOf is the stream whose metadata a metastream holds.
func originalOf(stream string) (string, bool) { return strings.CutPrefix(stream, MetastreamPrefix) }

func isSystem(name string) bool { return strings.HasPrefix(name, "$") }

// firstByRevision is the first revision that $tb and $maxCount leave visible
// in a stream whose last revision is last.
func (m metadata) firstByRevision(last int64) int64 {
	first := m.truncateBefore
	if m.maxCount > 0 {
		first = max(first, last+1-m.maxCount)
	}
	return first
}

// expired tells whether $maxAge hides an event at a time.
func (m metadata) expired(created, now time.Time) bool {
	return m.maxAge > 0 && created.Before(now.Add(-m.maxAge))
}
