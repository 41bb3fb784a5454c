package events

import "context"

// tailEvents is how many of a stream's last events are looked at before its
// revisions are halved: readers who come back were mostly not away for long.
const tailEvents = 32

// RevisionsAfter tells which of a stream's revisions stand after a position in
// the log: those from first on and before next. They are none if first equals
// next, as in a stream that does not exist. What is appended meanwhile may be
// missing.
//
// It costs one read of the stream's end, and if the position lies further back,
// one read of one event each time the revisions before it are halved.
//
// Errors are those of Log.Read.
func RevisionsAfter(ctx context.Context, log Log, stream string, after Position) (first, next uint64, err error) {
	read := 0
	for event, err := range log.Read(ctx, stream, LastRevision, Backwards, tailEvents) {
		if err != nil {
			return 0, 0, err
		}
		if read++; read == 1 {
			first, next = event.Revision+1, event.Revision+1
		}
		if event.Position <= after {
			return first, next, nil
		}
		first = event.Revision
	}
	switch {
	case read < tailEvents:
		return first, next, nil
	case after == Beginning:
		return 0, next, nil
	}
	first, err = firstAfter(ctx, log, stream, first, after)
	return first, next, err
}

// firstAfter halves the revisions before high, which stands after the position,
// as revisions rise with positions.
func firstAfter(ctx context.Context, log Log, stream string, high uint64, after Position) (uint64, error) {
	low := uint64(0)
	for low < high {
		middle := low + (high-low)/2
		event, found, err := eventFrom(ctx, log, stream, middle)
		switch {
		case err != nil:
			return 0, err
		case found && event.Position <= after:
			low = event.Revision + 1
		default:
			high = middle
		}
	}
	return high, nil
}

// eventFrom is a stream's first event from a revision on.
func eventFrom(ctx context.Context, log Log, stream string, revision uint64) (Recorded, bool, error) {
	for event, err := range log.Read(ctx, stream, revision, Forwards, 1) {
		return event, err == nil, err
	}
	return Recorded{}, false, nil
}
