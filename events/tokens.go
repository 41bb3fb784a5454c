package events

import "time"

// TokensStream is where it is kept which tokens operators had issued.
const TokensStream = "tokens"

// TokenIssued lets somebody act from the time at which it occurred. The token's
// id, its claim jti, is the event's; the token itself is not kept.
type TokenIssued struct {
	Subject string   `json:"subject"`
	Scopes  []string `json:"scopes"`
	// Seconds is for how long the token holds.
	Seconds int64 `json:"seconds"`
}

// RevocationsStream is where it is kept which tokens hold no more.
const RevocationsStream = "revocations"

// TokenRevoked ends one token before its time.
type TokenRevoked struct {
	// Token is the token's id, which its claim jti has.
	Token   string `json:"token"`
	Subject string `json:"subject"`
	// Expires is when the token would have ended by itself; from then on the
	// revocation need not be remembered.
	Expires time.Time `json:"expires"`
}

// SubjectRevoked ends all of a subject's tokens that were issued up to the
// time at which it occurred. Tokens tell whole seconds: those of the same
// second are ended too.
type SubjectRevoked struct {
	Subject string `json:"subject"`
	// ForGood ends tokens that are issued later as well: the subject is erased.
	ForGood bool `json:"forGood,omitempty"`
}

func (*TokenIssued) secrets() []ownedSecret    { return nil }
func (*TokenRevoked) secrets() []ownedSecret   { return nil }
func (*SubjectRevoked) secrets() []ownedSecret { return nil }
