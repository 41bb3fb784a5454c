package events

import "github.com/google/uuid"

// AppConnected lets an app speak for a merchant, in all of its conversations,
// or changes what it may do there. An agent of the merchant did.
type AppConnected struct {
	Merchant uuid.UUID `json:"merchant"`
	App      AppCard   `json:"app"`
	By       uuid.UUID `json:"by"`
	Grants   []Grant   `json:"grants"`
	// Seed is what the page access token is computed from, which nobody keeps:
	// it is another one whenever the app is connected anew.
	Seed uuid.UUID `json:"seed"`
}

// AppDisconnected ends that.
type AppDisconnected struct {
	Merchant uuid.UUID `json:"merchant"`
	App      uuid.UUID `json:"app"`
	By       uuid.UUID `json:"by"`
}

func (*AppConnected) secrets() []ownedSecret    { return nil }
func (*AppDisconnected) secrets() []ownedSecret { return nil }
