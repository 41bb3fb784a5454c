package events

import "github.com/google/uuid"

// Fact is something that happened, named in the past tense. The set is closed:
// every fact stands in the catalogue.
type Fact interface {
	// secrets are the fact's personal values, each with the person it belongs
	// to. Their order is part of the stored format.
	secrets() []ownedSecret
}

type ownedSecret struct {
	owner uuid.UUID
	*Secret
}
