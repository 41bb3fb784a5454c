// Package competing runs persistent subscriptions on the embedded node: groups
// of competing consumers that share the events of a stream or of the whole
// log, acknowledge each, and begin where the group left off.
//
// A group is a plain state machine (group.go) that knows neither the node nor
// the clock. One goroutine (runner.go) owns it, feeds it from the log and
// stores what it decides. A Subsystem (subsystem.go) is the set of groups,
// kept as events of a system stream.
package competing

import (
	"errors"
	"fmt"
	"time"

	"parley/events"
	"parley/events/node"
)

// Errors of a Subsystem, beside those of the node and of contexts. They are
// compared with errors.Is.
var (
	// ErrExists: there is a group of this name on the stream.
	ErrExists = errors.New("the subscription group exists")
	// ErrNotFound: there is no such group.
	ErrNotFound = errors.New("the subscription group does not exist")
	// ErrFull: the group has as many consumers as it may have.
	ErrFull = errors.New("the subscription group takes no more consumers")
	// ErrDropped: the group was deleted, updated or restarted, and its
	// consumers have to connect again.
	ErrDropped = errors.New("the subscription was dropped")
	// ErrStopped: the subsystem is not running.
	ErrStopped = errors.New("the persistent subscriptions are not started")
)

// Failure refuses settings that can never be accepted. Its text is the
// protocol's.
type Failure struct{ Reason string }

func (f *Failure) Error() string { return f.Reason }

func failed(format string, args ...any) error { return &Failure{fmt.Sprintf(format, args...)} }

// Key names a group.
type Key struct {
	// Source is the stream that is consumed, or node.AllStream.
	Source string `json:"stream"`
	Group  string `json:"group"`
}

func (k Key) String() string { return k.Source + "::" + k.Group }

// all tells whether the group consumes the whole log.
func (k Key) all() bool { return k.Source == node.AllStream }

func (k Key) checkpoints() string { return "$persistentsubscription-" + k.String() + "-checkpoint" }
func (k Key) parked() string      { return "$persistentsubscription-" + k.String() + "-parked" }

// Strategy is how a group chooses the consumer of an event.
type Strategy string

const (
	// DispatchToSingle gives to the first consumer until it is full.
	DispatchToSingle Strategy = "DispatchToSingle"
	// RoundRobin gives to each consumer in turn.
	RoundRobin Strategy = "RoundRobin"
	// Pinned gives the events of one stream to the same consumer, in order, as
	// long as it is connected.
	Pinned Strategy = "Pinned"
	// PinnedByCorrelation does the same for the events of one correlation id.
	PinnedByCorrelation Strategy = "PinnedByCorrelation"
)

// Start is where a new group begins: the revision, or position in the whole
// log, of its first event. FromEnd stands for the first event written after
// the group is created.
type Start int64

const FromEnd Start = -1

// Settings of a group.
type Settings struct {
	ResolveLinks bool `json:"resolveLinks"`
	// Start counts until the group has a checkpoint.
	Start           Start `json:"start"`
	ExtraStatistics bool  `json:"extraStatistics"`
	// MessageTimeout is how long a consumer may take over an event before it
	// is given to another, in nanoseconds when stored. It is checked on ticks.
	MessageTimeout time.Duration `json:"messageTimeout"`
	// MaxRetryCount is how often an event is given out again before it is
	// parked.
	MaxRetryCount int `json:"maxRetryCount"`
	// A checkpoint is written when CheckpointAfter has passed and at least
	// MinCheckpointCount events are new, or when MaxCheckpointCount are.
	CheckpointAfter    time.Duration `json:"checkpointAfter"`
	MinCheckpointCount int           `json:"minCheckpointCount"`
	MaxCheckpointCount int           `json:"maxCheckpointCount"`
	// MaxSubscriberCount is 0 for no limit.
	MaxSubscriberCount int      `json:"maxSubscriberCount"`
	LiveBufferSize     int      `json:"liveBufferSize"`
	ReadBatchSize      int      `json:"readBatchSize"`
	HistoryBufferSize  int      `json:"historyBufferSize"`
	Strategy           Strategy `json:"strategy"`
	// Filter chooses events of the whole log; nil chooses all.
	Filter *node.Match `json:"filter,omitempty"`
}

// maxBuffered bounds what a group or one of its consumers holds in memory,
// whatever its settings allow.
const maxBuffered = 10_000

func (s Settings) buffer() int { return min(max(s.HistoryBufferSize, 1), maxBuffered) }
func (s Settings) batch() int  { return min(max(s.ReadBatchSize, 1), maxBuffered) }

func checkStrategy(s Strategy) error {
	switch s {
	case DispatchToSingle, RoundRobin, Pinned, PinnedByCorrelation:
		return nil
	}
	return failed("Consumer strategy %s does not exist.", s)
}

func checkBuffers(s Settings) error {
	if s.ReadBatchSize >= s.HistoryBufferSize {
		return failed("readBatchSize may not be greater than or equal to bufferSize")
	}
	return nil
}

// cursor is the place of the last event that a group has passed: a revision,
// or a position in the whole log.
type cursor int64

// origin is the cursor before the first event.
func (k Key) origin() cursor {
	if k.all() {
		return cursor(events.Beginning)
	}
	return -1
}
