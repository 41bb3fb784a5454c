package wire

import (
	"strings"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"

	"parley/events/node"
)

// streamName reads the name of a stream that is to be read.
func streamName(id *shared.StreamIdentifier) (string, error) {
	name := id.GetStreamName()
	if !utf8.Valid(name) {
		return "", errInvalid(strings.ToValidUTF8(string(name), "\uFFFD"), "StreamIdentifier")
	}
	if len(name) == 0 || string(name) == node.MetastreamPrefix {
		return "", errUnhandled
	}
	return string(name), nil
}

// writableName reads the name of a stream that is to be written to. Lists are
// written by the node alone, as an EventStoreDB server's projections are.
func writableName(id *shared.StreamIdentifier) (string, error) {
	name, err := streamName(id)
	if err == nil && (name == node.AllStream || node.IsList(name)) {
		return "", errAccessDenied
	}
	return name, err
}
