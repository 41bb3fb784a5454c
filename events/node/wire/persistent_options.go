package wire

import (
	"fmt"
	"math"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"

	"parley/events/node"
	"parley/events/node/competing"
)

func createOptions(options *persistent.CreateReq_Options) (key competing.Key, settings competing.Settings, err error) {
	sent := options.GetSettings()
	settings = settingsOf(sent)
	settings.Strategy = strategyOf(sent)
	if name := sent.GetConsumerStrategy(); name != "" {
		settings.Strategy = competing.Strategy(name)
	}
	if all := options.GetAll(); all != nil {
		if settings.Filter, err = groupFilter(all.GetFilter()); err != nil {
			return key, settings, err
		}
		key, settings.Start, err = allGroup(options, all.GetPosition(), all.GetEnd())
		return key, settings, err
	}
	key, settings.Start, err = streamGroup(options, options.GetStream(), options.GetStream() != nil, sent)
	return key, settings, err
}

func updateOptions(options *persistent.UpdateReq_Options) (key competing.Key, settings competing.Settings, err error) {
	sent := options.GetSettings()
	settings = settingsOf(sent)
	settings.Strategy = strategyOf(sent)
	if all := options.GetAll(); all != nil {
		key, settings.Start, err = allGroup(options, all.GetPosition(), all.GetEnd())
		return key, settings, err
	}
	key, settings.Start, err = streamGroup(options, options.GetStream(), options.GetStream() != nil, sent)
	return key, settings, err
}

// strategyOf reads the older of the two ways to name a strategy.
func strategyOf[E fmt.Stringer](sent interface{ GetNamedConsumerStrategy() E }) competing.Strategy {
	return competing.Strategy(sent.GetNamedConsumerStrategy().String())
}

// groupOptions is what Create and Update send alike; old clients name the
// stream in it.
type groupOptions interface {
	GetGroupName() string
	GetStreamIdentifier() *shared.StreamIdentifier
}

type streamOptions interface {
	GetStreamIdentifier() *shared.StreamIdentifier
	GetRevision() uint64
	GetEnd() *shared.Empty
}

type groupPosition interface {
	GetCommitPosition() uint64
	GetPreparePosition() uint64
}

// streamGroup reads which group of a stream is meant and where it starts,
// from the options of the stream if they are set or else as old clients say.
func streamGroup(options groupOptions, stream streamOptions, set bool, sent groupSettings) (competing.Key, competing.Start, error) {
	id, revision, end := options.GetStreamIdentifier(), sent.GetRevision(), (*shared.Empty)(nil)
	if set {
		id, revision, end = stream.GetStreamIdentifier(), stream.GetRevision(), stream.GetEnd()
	}
	key, err := groupKey(options, nil, id)
	if err != nil {
		return key, 0, err
	}
	// Old clients ask for the end with the greatest number there is.
	if end != nil || revision == math.MaxUint64 {
		return key, competing.FromEnd, nil
	}
	start, err := revisionOf(revision)
	return key, competing.Start(start), err
}

// allGroup reads which group of $all is meant and where it starts.
func allGroup(options groupOptions, position groupPosition, end *shared.Empty) (competing.Key, competing.Start, error) {
	key := competing.Key{Source: node.AllStream, Group: options.GetGroupName()}
	switch {
	case end != nil || position.GetCommitPosition() == math.MaxUint64:
		return key, competing.FromEnd, nil
	case position.GetCommitPosition() < position.GetPreparePosition():
		return key, 0, errUnhandled
	}
	return key, competing.Start(min(position.GetCommitPosition(), math.MaxInt64)), nil
}

func groupFilter(options *persistent.CreateReq_AllOptions_FilterOptions) (*node.Match, error) {
	if options == nil {
		return nil, nil
	}
	var sent expression
	byType := false
	switch by := options.GetFilter().(type) {
	case *persistent.CreateReq_AllOptions_FilterOptions_StreamIdentifier:
		sent = by.StreamIdentifier
	case *persistent.CreateReq_AllOptions_FilterOptions_EventType:
		sent, byType = by.EventType, true
	default:
		return nil, errInvalid("None", "FilterOptions.Filter")
	}
	match, _, err := matchOf(sent, byType)
	return &match, err
}

// groupSettings is what Create and Update send alike.
type groupSettings interface {
	GetRevision() uint64
	GetResolveLinks() bool
	GetExtraStatistics() bool
	GetMaxRetryCount() int32
	GetMinCheckpointCount() int32
	GetMaxCheckpointCount() int32
	GetMaxSubscriberCount() int32
	GetLiveBufferSize() int32
	GetReadBatchSize() int32
	GetHistoryBufferSize() int32
	GetMessageTimeoutTicks() int64
	GetMessageTimeoutMs() int32
	GetCheckpointAfterTicks() int64
	GetCheckpointAfterMs() int32
}

func settingsOf(sent groupSettings) competing.Settings {
	return competing.Settings{
		ResolveLinks:       sent.GetResolveLinks(),
		ExtraStatistics:    sent.GetExtraStatistics(),
		MessageTimeout:     duration(sent.GetMessageTimeoutTicks(), sent.GetMessageTimeoutMs()),
		MaxRetryCount:      int(sent.GetMaxRetryCount()),
		CheckpointAfter:    duration(sent.GetCheckpointAfterTicks(), sent.GetCheckpointAfterMs()),
		MinCheckpointCount: int(sent.GetMinCheckpointCount()),
		MaxCheckpointCount: int(sent.GetMaxCheckpointCount()),
		MaxSubscriberCount: int(sent.GetMaxSubscriberCount()),
		LiveBufferSize:     int(sent.GetLiveBufferSize()),
		ReadBatchSize:      int(sent.GetReadBatchSize()),
		HistoryBufferSize:  int(sent.GetHistoryBufferSize()),
	}
}

// duration is given in ticks or in milliseconds, of which the other is 0.
func duration(ticks int64, milliseconds int32) time.Duration {
	return time.Duration(min(ticks, math.MaxInt64/int64(tick)))*tick + time.Duration(milliseconds)*time.Millisecond
}
