package live

// End is why a stream ends, as its reader is told by a last event named end.
type End struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	// Resume says that it is of use to come back with the id seen last.
	Resume bool `json:"resume"`
	// Abrupt keeps back what the reader has not taken yet.
	Abrupt bool `json:"-"`
}

// Why streams end.
var (
	Slow = &End{"slow", "you read more slowly than things happen; come back with the id of your last event", true, true}
	// Shutdown is of the server.
	Shutdown = &End{"shutdown", "the server stops; come back with the id of your last event", true, false}
	// Unavailable: the log or a view cannot be followed now.
	Unavailable = &End{"unavailable", "what happens cannot be shown now; come back with the id of your last event", true, true}
	// Left: the reader is in the conversation no more.
	Left = &End{"left", "you are not in this conversation any more", false, false}
	// Shut: the other person of a direct conversation has blocked the reader,
	// who is not told so in as many words.
	Shut = &End{"closed", "this person cannot be written to any more", false, false}
	// Erased: the reader is a user no more.
	Erased = &End{"erased", "this user was erased", false, true}
	// Expired and Revoked are of the token.
	Expired = &End{"token-expired", "the token has expired; come back with a new one and the id of your last event", true, false}
	Revoked = &End{"token-revoked", "the token was revoked", false, true}
)
