package events

import "github.com/google/uuid"

// MerchantStream is where it is kept who acts for a merchant and which
// customers have opted in.
func MerchantStream(merchant uuid.UUID) string { return "merchant-" + merchant.String() }

// AgentRole is what an agent may do beyond acting for the merchant.
type AgentRole string

const (
	// Owner agents let other agents in and out.
	OwnerAgent AgentRole = "owner"
	// PlainAgent is everybody else who acts for the merchant.
	PlainAgent AgentRole = "agent"
)

// MerchantRegistered begins a merchant's stream. The name is that of a
// business, shown to everybody.
type MerchantRegistered struct {
	Merchant uuid.UUID `json:"merchant"`
	Name     string    `json:"name"`
}

// AgentAdded lets a user act for a merchant, or gives an agent another role.
// By is absent if it came with the registration or from an operator.
type AgentAdded struct {
	Merchant uuid.UUID `json:"merchant"`
	User     uuid.UUID `json:"user"`
	Role     AgentRole `json:"role"`
	By       uuid.UUID `json:"by,omitzero"`
}

// AgentRemoved ends that a user acts for a merchant.
type AgentRemoved struct {
	Merchant uuid.UUID `json:"merchant"`
	User     uuid.UUID `json:"user"`
	By       uuid.UUID `json:"by,omitzero"`
}

// CustomerLinked is a customer's opt-in: from now on the merchant may write to
// them. Consent is what they agreed to, in the words they saw.
type CustomerLinked struct {
	Merchant uuid.UUID `json:"merchant"`
	Customer uuid.UUID `json:"customer"`
	// Source is where they agreed: "checkout", "conversation" or "import".
	Source  string `json:"source"`
	Consent Secret `json:"consent"`
}

// CustomerUnlinked is a customer's leave: the merchant may not write to them
// any more.
type CustomerUnlinked struct {
	Merchant uuid.UUID `json:"merchant"`
	Customer uuid.UUID `json:"customer"`
}

func (*MerchantRegistered) secrets() []ownedSecret { return nil }
func (*AgentAdded) secrets() []ownedSecret         { return nil }
func (*AgentRemoved) secrets() []ownedSecret       { return nil }
func (*CustomerUnlinked) secrets() []ownedSecret   { return nil }

func (f *CustomerLinked) secrets() []ownedSecret {
	return []ownedSecret{{f.Customer, &f.Consent}}
}
