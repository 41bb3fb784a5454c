package events

import "github.com/google/uuid"

// UserBlocked ends the talk between a user and somebody else: neither writes to
// the other in their direct conversation any more. It is in the user's stream.
type UserBlocked struct {
	User    uuid.UUID `json:"user"`
	Blocked uuid.UUID `json:"blocked"`
}

// UserUnblocked takes a UserBlocked back.
type UserUnblocked struct {
	User    uuid.UUID `json:"user"`
	Blocked uuid.UUID `json:"blocked"`
}

func (*UserBlocked) secrets() []ownedSecret   { return nil }
func (*UserUnblocked) secrets() []ownedSecret { return nil }
