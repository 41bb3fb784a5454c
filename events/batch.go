package events

import "context"

// Batcher is a Log that can also append to several streams in one commit, as
// the embedded node can and an EventStoreDB server cannot.
type Batcher interface {
	Log

	// AppendAll is an Append to each of several streams, none of them twice.
	// Either all of them happen, in one commit and in the order given, or none
	// does. A part that repeats an earlier append stores nothing and answers
	// with the place of the first time; the others are stored nevertheless.
	//
	// MaxAppendBytes bounds all parts together. Errors are those of Append; a
	// *WrongRevision is of the first part that cannot be appended.
	AppendAll(ctx context.Context, parts ...Part) ([]Appended, error)
}

// Part is what an AppendAll appends to one stream.
type Part struct {
	Stream   string
	Expected Expected
	Events   []Proposed
}
