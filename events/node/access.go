package node

import (
	"encoding/json"
	"fmt"
	"slices"

	"parley/events"
)

// Right is what somebody may do with a stream, by its name in the $acl of the
// stream's metadata.
type Right string

const (
	MayRead          Right = "$r"
	MayWrite         Right = "$w"
	MayDelete        Right = "$d"
	MayReadMetadata  Right = "$mr"
	MayWriteMetadata Right = "$mw"
)

// Groups with a meaning of their own.
const (
	// Everyone is who may use a user's stream that says nothing else.
	Everyone = "$all"
	// Admins may do everything, and are who may use a system stream that says
	// nothing else.
	Admins = "$admins"
)

// Caller is who asks a node for something.
type Caller struct {
	Name   string
	Groups []string
}

// Has tells whether the caller is, or belongs to, one of some names.
func (c Caller) Has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return name == Everyone || name == c.Name || slices.Contains(c.Groups, name)
	})
}

// Allows tells whether a caller has a right to a stream, by the newest metadata
// of that stream or, where it says nothing, by default. The rights to read and
// to write a metastream are those to the metadata that it holds. The node's own
// calls ask for nothing; a server that knows its callers does.
//
// Errors: events.ErrUnavailable.
func (n *Node) Allows(caller Caller, stream string, right Right) (bool, error) {
	if slices.Contains(caller.Groups, Admins) {
		return true, nil
	}
	if original, ok := originalOf(stream); ok {
		stream = original
		if right == MayRead {
			right = MayReadMetadata
		} else {
			right = MayWriteMetadata
		}
	}
	granted, err := n.granted(stream)
	if err != nil {
		return false, err
	}
	if names, said := granted[right]; said {
		return caller.Has(names...), nil
	}
	return !isSystem(stream), nil
}

// granted is what a stream's metadata says of rights.
func (n *Node) granted(stream string) (acl, error) {
	release, err := n.use()
	if err != nil {
		return nil, err
	}
	defer release()
	latest, found, err := latestMetadata(n.db, stream, n.Tip())
	if err != nil {
		return nil, events.Unavailable(fmt.Errorf("reading the metadata of stream %s: %w", stream, err))
	}
	if !found {
		return nil, nil
	}
	_, granted := parseDescription(latest.Data)
	return granted, nil
}

// acl is the names of those who have each right that metadata speaks of.
type acl map[Right][]string

// UnmarshalJSON reads rights that are given to one name or to a list of names.
func (a *acl) UnmarshalJSON(data []byte) error {
	var fields map[Right]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	granted := acl{}
	for _, right := range []Right{MayRead, MayWrite, MayDelete, MayReadMetadata, MayWriteMetadata} {
		value, said := fields[right]
		if !said || string(value) == "null" {
			continue
		}
		names, err := parseNames(value)
		if err != nil {
			return err
		}
		granted[right] = names
	}
	*a = granted
	return nil
}

func parseNames(value json.RawMessage) ([]string, error) {
	var name string
	if json.Unmarshal(value, &name) == nil {
		return []string{name}, nil
	}
	var names []string
	err := json.Unmarshal(value, &names)
	return names, err
}
