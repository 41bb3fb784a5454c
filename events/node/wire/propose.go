package wire

import (
	"unicode/utf16"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"

	"parley/events"
)

// Keys of an event's protocol metadata.
const (
	keyType        = "type"
	keyContentType = "content-type"
	keyCreated     = "created"
)

const (
	contentJSON   = "application/json"
	contentBinary = "application/octet-stream"
)

// proposed is an event to be appended, as Append and BatchAppend send it.
type proposed interface {
	GetId() *shared.UUID
	GetMetadata() map[string]string
	GetCustomMetadata() []byte
	GetData() []byte
}

// proposal collects the events of one append up to the size that is allowed.
type proposal struct {
	events []events.Proposed
	size   int
}

func (p *proposal) add(message proposed) error {
	kind, ok := message.GetMetadata()[keyType]
	if !ok {
		return errMetadataProperty(keyType)
	}
	contentType, ok := message.GetMetadata()[keyContentType]
	if !ok {
		return errMetadataProperty(keyContentType)
	}
	id, err := parseID(message.GetId())
	if err != nil {
		return err
	}
	if id == uuid.Nil || kind == "" {
		return errUnhandled
	}
	p.size += len(message.GetData()) + len(message.GetCustomMetadata()) + 2*utf16Length(kind)
	if p.size > events.MaxAppendBytes {
		return errAppendTooBig
	}
	p.events = append(p.events, events.Proposed{
		ID:       id,
		Type:     kind,
		Data:     message.GetData(),
		Metadata: message.GetCustomMetadata(),
		Binary:   contentType != contentJSON,
	})
	return nil
}

// utf16Length is how many UTF-16 units a type takes, by which the protocol
// measures it.
func utf16Length(s string) int {
	length := 0
	for _, r := range s {
		length += utf16.RuneLen(r)
	}
	return length
}
