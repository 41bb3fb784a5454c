package wire

import (
	"math"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"

	"parley/events"
)

// expectation is what the options of Append, Delete and Tombstone have in
// common.
type expectation interface {
	GetRevision() uint64
	GetNoStream() *shared.Empty
	GetAny() *shared.Empty
	GetStreamExists() *shared.Empty
}

// expectedRevision reads an expectation that is set.
func expectedRevision(options expectation, set bool) (events.Expected, error) {
	switch {
	case !set:
		return 0, errInvalid("None", "ExpectedStreamRevision")
	case options.GetAny() != nil:
		return events.Any, nil
	case options.GetNoStream() != nil:
		return events.NoStream, nil
	case options.GetStreamExists() != nil:
		return events.StreamExists, nil
	}
	return revisionExpected(options.GetRevision())
}

// revisionExpected reads a revision. Old clients say "no stream" with the
// greatest number there is.
func revisionExpected(revision uint64) (events.Expected, error) {
	switch {
	case revision == math.MaxUint64:
		return events.NoStream, nil
	case revision > math.MaxInt64:
		return 0, errInvalid(strconv.FormatUint(revision, 10), "StreamRevision")
	}
	return events.At(revision), nil
}
