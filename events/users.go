package events

import "github.com/google/uuid"

// UserStream is where the facts about one user are kept.
func UserStream(user uuid.UUID) string { return "user-" + user.String() }

// HandleStream claims a handle: it must not exist before the claim. Its name
// is the handle's pseudonym (see Keys), so that no personal value stands in it.
func HandleStream(pseudonym string) string { return "handle-" + pseudonym }

// HandleClaimed is the only fact of a handle's stream.
type HandleClaimed struct {
	User uuid.UUID `json:"user"`
}

// UserRegistered begins a user's stream.
type UserRegistered struct {
	User        uuid.UUID `json:"user"`
	Handle      Secret    `json:"handle"`
	DisplayName Secret    `json:"displayName"`
	// Product is the application the user came by; analysts compare products
	// by it.
	Product string `json:"product"`
}

// ProfileChanged gives a user another name to be shown by.
type ProfileChanged struct {
	User        uuid.UUID `json:"user"`
	DisplayName Secret    `json:"displayName"`
}

// UserErased is the last fact about a user: they have left for good, and the
// key of their personal values is destroyed.
type UserErased struct {
	User uuid.UUID `json:"user"`
}

func (*UserErased) secrets() []ownedSecret    { return nil }
func (*HandleClaimed) secrets() []ownedSecret { return nil }

func (f *UserRegistered) secrets() []ownedSecret {
	return []ownedSecret{{f.User, &f.Handle}, {f.User, &f.DisplayName}}
}

func (f *ProfileChanged) secrets() []ownedSecret {
	return []ownedSecret{{f.User, &f.DisplayName}}
}
