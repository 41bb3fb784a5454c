package events

import "github.com/google/uuid"

// ThreadControlPassed gives the thread of a merchant and a customer from the
// app that answered it to another one, or to the merchant's agents. The
// metadata is the giver's, for the taker.
type ThreadControlPassed struct {
	Conversation uuid.UUID `json:"conversation"`
	App          uuid.UUID `json:"app"`
	// To is zero if it is the agents who take over.
	To       uuid.UUID `json:"to"`
	Metadata Secret    `json:"metadata"`
}

// ThreadControlTaken is the merchant's first app's: it takes the thread back
// from whoever has it.
type ThreadControlTaken struct {
	Conversation uuid.UUID `json:"conversation"`
	App          uuid.UUID `json:"app"`
	// From is zero if the agents had it.
	From     uuid.UUID `json:"from"`
	Metadata Secret    `json:"metadata"`
}

// ThreadControlRequested is an app's wish to be given the thread.
type ThreadControlRequested struct {
	Conversation uuid.UUID `json:"conversation"`
	App          uuid.UUID `json:"app"`
	// Owner is who had the thread then, and zero if the agents had it.
	Owner    uuid.UUID `json:"owner"`
	Metadata Secret    `json:"metadata"`
}

func (f *ThreadControlPassed) secrets() []ownedSecret    { return []ownedSecret{{f.App, &f.Metadata}} }
func (f *ThreadControlTaken) secrets() []ownedSecret     { return []ownedSecret{{f.App, &f.Metadata}} }
func (f *ThreadControlRequested) secrets() []ownedSecret { return []ownedSecret{{f.App, &f.Metadata}} }
