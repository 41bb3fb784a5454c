package node

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"parley/events"
)

// The streams that an EventStoreDB server's standard projections make are
// lists here: their events are links that exist only as entries of an index.
const (
	categoryPrefix = "$ce-"
	typePrefix     = "$et-"
	streamsList    = "$streams"
	// typeDeleted stands for a stream's deletion in the list of types.
	typeDeleted = "$deleted"
)

// listKind is a standard projection. It is kept in the two highest bits of a
// list's number, where the numbers of streams, being positions, have none.
type listKind uint64

const (
	byCategory listKind = iota + 1
	byType
	byStream
)

const listKindShift = 62

func listNumber(kind listKind, first events.Position) uint64 {
	return uint64(kind)<<listKindShift | uint64(first)
}

func kindOf(number uint64) listKind { return listKind(number >> listKindShift) }

// IsList tells the streams of links that the node itself makes if it is opened
// with Lists. Nobody else can write to them.
func IsList(stream string) bool {
	return strings.HasPrefix(stream, categoryPrefix) || strings.HasPrefix(stream, typePrefix) || stream == streamsList
}

// listsOf names the lists that an event is in, by kind; empty where it is in
// none. Only users' streams and their metadata are listed, and nothing that
// pretends to be JSON.
func listsOf(e *events.Recorded) (lists [byStream + 1]string) {
	original, isMetadata := originalOf(e.Stream)
	if isSystem(original) || !e.Binary && !(utf8.Valid(e.Data) && json.Valid(e.Data)) {
		return lists
	}
	deletion := e.Type == TypeStreamDeleted ||
		isMetadata && e.Type == TypeMetadata && parseMetadata(e.Data).softDeleted()
	if category, _, found := strings.Cut(original, "-"); found && category != "" && (!isMetadata || deletion) {
		lists[byCategory] = categoryPrefix + category
	}
	switch {
	case deletion:
		lists[byType] = typePrefix + typeDeleted
	case e.Type != TypeLink:
		lists[byType] = typePrefix + e.Type
	}
	if e.Revision == 0 {
		lists[byStream] = streamsList
	}
	return lists
}

// linkSpace is the UUIDv5 namespace of the ids of links in lists.
var linkSpace = uuid.MustParse("a3b0b6c8-9f0e-5d55-8c1b-5d1b7ac6e0f4")

// listedMetadata stands beside a link.
type listedMetadata struct {
	Original string    `json:"$o"`
	CausedBy uuid.UUID `json:"$causedBy"`
	Deleted  int       `json:"$deleted,omitempty"`
}

// becomeLink turns an event into the link to it in a list. A category has a
// copy of a link instead of a link to it.
func becomeLink(e *events.Recorded, list string, revision uint64) error {
	beside := listedMetadata{Original: e.Stream, CausedBy: e.ID}
	if e.Type == TypeStreamDeleted {
		beside.Deleted = -1
	}
	metadata, err := json.Marshal(beside)
	if err != nil {
		return err
	}
	if e.Type != TypeLink || !strings.HasPrefix(list, categoryPrefix) {
		e.Data = fmt.Appendf(nil, "%d@%s", e.Revision, e.Stream)
	}
	e.ID = uuid.NewSHA1(linkSpace, fmt.Appendf(nil, "%d@%s", revision, list))
	e.Stream, e.Revision, e.Type, e.Binary, e.Metadata = list, revision, TypeLink, true, metadata
	return nil
}
