package wire

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"parley/events"
)

// Events are encoded by hand: a read is mostly encoding, and the generated code
// takes several times as long over the map of metadata.

// Field numbers of streams.ReadResp and the messages in it.
const (
	fieldRespEvent        = 1
	fieldRespCheckpoint   = 3
	fieldReadEvent        = 1
	fieldReadLink         = 2
	fieldReadCommit       = 3
	fieldReadRetries      = 5
	fieldID               = 1
	fieldStream           = 2
	fieldRevision         = 3
	fieldPrepare          = 4
	fieldCommit           = 5
	fieldMetadata         = 6
	fieldCustomMetadata   = 7
	fieldData             = 8
	fieldStreamName       = 3
	fieldIDStructured     = 1
	fieldIDString         = 2
	fieldMostSignificant  = 1
	fieldLeastSignificant = 2
	fieldMapKey           = 1
	fieldMapValue         = 2
)

// encodeChunk is how much an encoder allocates at a time.
const encodeChunk = 32 << 10

// encoder turns events into encoded ReadResp messages. It belongs to one call.
type encoder struct {
	// stringIDs chooses the textual form of ids.
	stringIDs bool
	free      []byte
	scratch   []byte
}

// resolved is an event as a reader asked for it. With a link, the event is what
// the link points to, and nil if that is gone.
type resolved struct {
	event, link *events.Recorded
}

// original is the event that stands in the stream that is read.
func (r resolved) original() *events.Recorded {
	if r.link != nil {
		return r.link
	}
	return r.event
}

// event encodes a ReadResp that carries an event.
func (e *encoder) event(r resolved) encoded {
	e.scratch = e.appendRead(e.scratch[:0], r)
	return e.wrap(fieldRespEvent, e.scratch)
}

// delivery encodes the ReadResp of a persistent subscription, which has the
// same fields and tells how often the event was given out before. Both its
// records say where the original stands.
func (e *encoder) delivery(r resolved, retries int) encoded {
	if r.event != nil && r.link != nil {
		event := *r.event
		event.Position = r.link.Position
		r.event = &event
	}
	b := e.appendRead(e.scratch[:0], r)
	e.scratch = appendVarint(b, fieldReadRetries, uint64(retries))
	return e.wrap(fieldRespEvent, e.scratch)
}

func (e *encoder) appendRead(b []byte, r resolved) []byte {
	if r.event != nil {
		b = e.appendRecorded(b, fieldReadEvent, r.event)
	}
	if r.link != nil {
		b = e.appendRecorded(b, fieldReadLink, r.link)
	}
	return appendVarint(b, fieldReadCommit, uint64(r.original().Position))
}

// checkpoint encodes a ReadResp that carries a checkpoint.
func (e *encoder) checkpoint(position events.Position) encoded {
	b := e.scratch[:0]
	for _, field := range []protowire.Number{1, 2} {
		b = protowire.AppendTag(b, field, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(position))
	}
	e.scratch = b
	return e.wrap(fieldRespCheckpoint, b)
}

// wrap copies a message into one that has it as a field, in memory that no
// later message shares.
func (e *encoder) wrap(field protowire.Number, message []byte) encoded {
	size := protowire.SizeTag(field) + protowire.SizeBytes(len(message))
	if size > len(e.free) {
		e.free = make([]byte, max(size, encodeChunk))
	}
	b := e.free[:0:size]
	e.free = e.free[size:]
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

func (e *encoder) appendRecorded(b []byte, field protowire.Number, r *events.Recorded) []byte {
	created := strconv.AppendInt(make([]byte, 0, 20), ticks(r.Created), 10)
	contentType := contentJSON
	if r.Binary {
		contentType = contentBinary
	}
	size := e.sizeOfID(r) +
		sizeOfBytes(fieldStream, sizeOfBytes(fieldStreamName, len(r.Stream))) +
		sizeOfVarint(fieldRevision, r.Revision) +
		sizeOfVarint(fieldPrepare, uint64(r.Position)) +
		sizeOfVarint(fieldCommit, uint64(r.Position)) +
		sizeOfEntry(keyType, len(r.Type)) +
		sizeOfEntry(keyContentType, len(contentType)) +
		sizeOfEntry(keyCreated, len(created)) +
		sizeOfBytes(fieldCustomMetadata, len(r.Metadata)) +
		sizeOfBytes(fieldData, len(r.Data))

	b = appendHeader(b, field, size)
	b = e.appendID(b, r)
	b = appendHeader(b, fieldStream, sizeOfBytes(fieldStreamName, len(r.Stream)))
	b = appendString(b, fieldStreamName, r.Stream)
	b = appendVarint(b, fieldRevision, r.Revision)
	b = appendVarint(b, fieldPrepare, uint64(r.Position))
	b = appendVarint(b, fieldCommit, uint64(r.Position))
	b = appendEntry(b, fieldMetadata, keyType, r.Type)
	b = appendEntry(b, fieldMetadata, keyContentType, contentType)
	b = appendEntry(b, fieldMetadata, keyCreated, created)
	b = appendString(b, fieldCustomMetadata, r.Metadata)
	return appendString(b, fieldData, r.Data)
}

func (e *encoder) sizeOfID(r *events.Recorded) int {
	if e.stringIDs {
		return sizeOfBytes(fieldID, sizeOfBytes(fieldIDString, len(r.ID.String())))
	}
	most, least := idBits(r.ID)
	structured := sizeOfVarint(fieldMostSignificant, uint64(most)) + sizeOfVarint(fieldLeastSignificant, uint64(least))
	return sizeOfBytes(fieldID, sizeOfBytes(fieldIDStructured, structured))
}

func (e *encoder) appendID(b []byte, r *events.Recorded) []byte {
	if e.stringIDs {
		text := r.ID.String()
		b = appendHeader(b, fieldID, sizeOfBytes(fieldIDString, len(text)))
		return appendString(b, fieldIDString, text)
	}
	most, least := idBits(r.ID)
	structured := sizeOfVarint(fieldMostSignificant, uint64(most)) + sizeOfVarint(fieldLeastSignificant, uint64(least))
	b = appendHeader(b, fieldID, sizeOfBytes(fieldIDStructured, structured))
	b = appendHeader(b, fieldIDStructured, structured)
	b = appendVarint(b, fieldMostSignificant, uint64(most))
	return appendVarint(b, fieldLeastSignificant, uint64(least))
}

// Metadata is a map of strings: a message of key and value for each entry.

func sizeOfEntry(key string, value int) int {
	return sizeOfBytes(fieldMetadata, sizeOfBytes(fieldMapKey, len(key))+sizeOfBytes(fieldMapValue, value))
}

func appendEntry[T string | []byte](b []byte, field protowire.Number, key string, value T) []byte {
	b = appendHeader(b, field, sizeOfBytes(fieldMapKey, len(key))+sizeOfBytes(fieldMapValue, len(value)))
	b = appendString(b, fieldMapKey, key)
	return appendString(b, fieldMapValue, value)
}

func sizeOfBytes(field protowire.Number, size int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(size)
}

func sizeOfVarint(field protowire.Number, v uint64) int {
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

// appendHeader begins a field of the given size.
func appendHeader(b []byte, field protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(size))
}

func appendString[T string | []byte](b []byte, field protowire.Number, s T) []byte {
	return append(appendHeader(b, field, len(s)), s...)
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}
