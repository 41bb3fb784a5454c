package events

import (
	"time"

	"github.com/google/uuid"
)

// AppStream is where it is kept what an app is and who may speak for it.
func AppStream(app uuid.UUID) string { return "app-" + app.String() }

// Grant is something that participants let an app do in their conversation.
type Grant string

const (
	// ReadMessages lets an app see what is said after it was installed.
	ReadMessages Grant = "messages:read"
	// WriteMessages lets it speak.
	WriteMessages Grant = "messages:write"
	// WriteAttachments lets it share pictures, videos, sounds and files.
	WriteAttachments Grant = "attachments:write"
	// ReadProfiles lets it see what participants are called.
	ReadProfiles Grant = "profile:read"
)

// AppCard is how an app is shown beside what it does. Facts keep it as it was
// at that time.
type AppCard struct {
	ID   uuid.UUID `json:"id"`
	Name string    `json:"name"`
	// Icon is an image among the files, or nil.
	Icon *Digest `json:"icon,omitempty"`
}

// AppListing is what the directory tells of an app.
type AppListing struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Website     string  `json:"website,omitempty"`
	Icon        *Digest `json:"icon,omitempty"`
	// Grants are what the app asks for when it is installed.
	Grants []Grant `json:"grants,omitempty"`
}

// AppRegistered begins an app's stream. Nobody but its owner can see it before
// it is published.
type AppRegistered struct {
	App   uuid.UUID `json:"app"`
	Owner uuid.UUID `json:"owner"`
	AppListing
}

// AppChanged gives an app another listing.
type AppChanged struct {
	App uuid.UUID `json:"app"`
	AppListing
}

// AppPublished puts an app into the directory.
type AppPublished struct {
	App uuid.UUID `json:"app"`
}

// AppSuspended stops an app everywhere until it is resumed: an operator does,
// and says why.
type AppSuspended struct {
	App    uuid.UUID `json:"app"`
	Reason string    `json:"reason"`
}

// AppResumed ends a suspension.
type AppResumed struct {
	App uuid.UUID `json:"app"`
}

// AppSecretRotated gives an app a new secret and a new token. Neither is kept:
// whoever holds the vault computes them from the seed, and the hashes tell
// whether one that is presented is right.
type AppSecretRotated struct {
	App        uuid.UUID `json:"app"`
	Seed       uuid.UUID `json:"seed"`
	SecretHash Digest    `json:"secretHash"`
	TokenHash  Digest    `json:"tokenHash"`
	// PreviousUntil is until when those before are accepted as well; it is
	// zero for the first.
	PreviousUntil time.Time `json:"previousUntil,omitzero"`
}

// AppInstalled lets an app take part in a conversation.
type AppInstalled struct {
	Conversation uuid.UUID `json:"conversation"`
	App          AppCard   `json:"app"`
	By           uuid.UUID `json:"by"`
	Grants       []Grant   `json:"grants"`
	// Since is the number of the first message that the app may see.
	Since uint64 `json:"since"`
}

// AppRemoved ends that.
type AppRemoved struct {
	Conversation uuid.UUID `json:"conversation"`
	App          uuid.UUID `json:"app"`
	By           uuid.UUID `json:"by"`
}

func (*AppRegistered) secrets() []ownedSecret    { return nil }
func (*AppChanged) secrets() []ownedSecret       { return nil }
func (*AppPublished) secrets() []ownedSecret     { return nil }
func (*AppSuspended) secrets() []ownedSecret     { return nil }
func (*AppResumed) secrets() []ownedSecret       { return nil }
func (*AppSecretRotated) secrets() []ownedSecret { return nil }
func (*AppInstalled) secrets() []ownedSecret     { return nil }
func (*AppRemoved) secrets() []ownedSecret       { return nil }
