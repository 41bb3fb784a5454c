package events

// CancellationRequested is a customer's wish to end an order.
type CancellationRequested struct {
	OrderStep
	Note Secret `json:"note,omitzero"`
}

// ChangeRequested is a customer's wish to have something else, or to have it
// elsewhere.
type ChangeRequested struct {
	OrderStep
	Note Secret `json:"note,omitzero"`
	// Address is the new Address as JSON.
	Address Secret `json:"address,omitzero"`
	// Variant is what the line should be instead, as another colour.
	Variant Secret `json:"variant,omitzero"`
	// Line counts the order's lines from 0.
	Line *uint64 `json:"line,omitempty"`
}

// ReturnRequested is a customer's wish to give back what was delivered.
type ReturnRequested struct {
	OrderStep
	Note Secret `json:"note,omitzero"`
}

// ChangeAccepted grants a ChangeRequested, by its number.
type ChangeAccepted struct {
	OrderStep
	Request uint64 `json:"request"`
	Note    Secret `json:"note,omitzero"`
}

// ReturnAccepted grants a ReturnRequested, by its number.
type ReturnAccepted struct {
	OrderStep
	Request uint64 `json:"request"`
	Note    Secret `json:"note,omitzero"`
}

// RequestDeclined refuses a customer's request of any kind, by its number.
type RequestDeclined struct {
	OrderStep
	Request uint64 `json:"request"`
	Note    Secret `json:"note,omitzero"`
}

// ReturnReceived is what was given back in the merchant's hands.
type ReturnReceived struct{ OrderStep }

func (f *CancellationRequested) secrets() []ownedSecret { return ownedBy(f.Customer, &f.Note) }
func (f *ChangeRequested) secrets() []ownedSecret {
	return ownedBy(f.Customer, &f.Note, &f.Address, &f.Variant)
}
func (f *ReturnRequested) secrets() []ownedSecret { return ownedBy(f.Customer, &f.Note) }
func (f *ChangeAccepted) secrets() []ownedSecret  { return ownedBy(f.Customer, &f.Note) }
func (f *ReturnAccepted) secrets() []ownedSecret  { return ownedBy(f.Customer, &f.Note) }
func (f *RequestDeclined) secrets() []ownedSecret { return ownedBy(f.Customer, &f.Note) }
