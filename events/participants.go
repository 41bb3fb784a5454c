package events

import "github.com/google/uuid"

// Role is what a participant may do in a group beyond taking part.
type Role string

const (
	// Owner may do everything. A group has one, at first its starter.
	Owner Role = "owner"
	// Admin may rename the group and remove members.
	Admin Role = "admin"
	// Member takes part. So does everybody in a conversation that is no group.
	Member Role = "member"
)

// ParticipantAdded lets a user into a group, as a member.
type ParticipantAdded struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	By           uuid.UUID `json:"by"`
}

// ParticipantRemoved takes a user out of a group; who leaves is removed by
// themselves. When the owner goes, the admin who came first becomes owner, or
// else the member who came first.
type ParticipantRemoved struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	By           uuid.UUID `json:"by"`
}

// ParticipantRoleChanged gives a participant of a group another role.
type ParticipantRoleChanged struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	Role         Role      `json:"role"`
	By           uuid.UUID `json:"by"`
}

func (*ParticipantAdded) secrets() []ownedSecret       { return nil }
func (*ParticipantRemoved) secrets() []ownedSecret     { return nil }
func (*ParticipantRoleChanged) secrets() []ownedSecret { return nil }
