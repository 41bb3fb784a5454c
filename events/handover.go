package events

import "github.com/google/uuid"

// ThreadControlPassed gives the thread of a merchant and a customer from the
// app that answered it to another one, or to the merchant's agents; or from
// the agents to an app. The metadata is the giver's, for the taker.
type ThreadControlPassed struct {
	Conversation uuid.UUID `json:"conversation"`
	// App is zero if the agents had it.
	App uuid.UUID `json:"app"`
	// To is zero if it is the agents who take over.
	To       uuid.UUID `json:"to"`
	Metadata Secret    `json:"metadata,omitzero"`
	// By is the agent who passed it on, and zero if the app did.
	By uuid.UUID `json:"by,omitzero"`
}

// ThreadControlTaken is the merchant's first app's, which takes the thread back
// from whoever has it, or an agent's, who takes it from an app.
type ThreadControlTaken struct {
	Conversation uuid.UUID `json:"conversation"`
	// App is zero if it is an agent who took it.
	App uuid.UUID `json:"app"`
	// From is zero if the agents had it.
	From     uuid.UUID `json:"from"`
	Metadata Secret    `json:"metadata,omitzero"`
	// By is the agent who took it, and zero if the app did.
	By uuid.UUID `json:"by,omitzero"`
}

// ThreadControlRequested is an app's wish to be given the thread.
type ThreadControlRequested struct {
	Conversation uuid.UUID `json:"conversation"`
	App          uuid.UUID `json:"app"`
	// Owner is who had the thread then, and zero if the agents had it.
	Owner    uuid.UUID `json:"owner"`
	Metadata Secret    `json:"metadata,omitzero"`
}

func (f *ThreadControlPassed) secrets() []ownedSecret    { return ownedBy(f.App, &f.Metadata) }
func (f *ThreadControlTaken) secrets() []ownedSecret     { return ownedBy(f.App, &f.Metadata) }
func (f *ThreadControlRequested) secrets() []ownedSecret { return ownedBy(f.App, &f.Metadata) }
