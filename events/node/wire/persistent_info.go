package wire

import (
	"context"
	"math"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"

	"parley/events/node"
	"parley/events/node/competing"
)

// GetInfo tells how one group stands.
func (s *persistentService) GetInfo(ctx context.Context, request *persistent.GetInfoReq) (*persistent.GetInfoResp, error) {
	options := request.GetOptions()
	key, err := groupKey(options, options.GetAll(), options.GetStreamIdentifier())
	if err != nil {
		return nil, err
	}
	info, err := s.groups.Info(ctx, key)
	if err != nil {
		return nil, groupError(key, err)
	}
	return &persistent.GetInfoResp{SubscriptionInfo: infoMessage(info)}, nil
}

// List tells how all groups stand, or those of one stream.
func (s *persistentService) List(ctx context.Context, request *persistent.ListReq) (*persistent.ListResp, error) {
	stream := ""
	switch option := request.GetOptions().GetListOption().(type) {
	case *persistent.ListReq_Options_ListAllSubscriptions:
	case *persistent.ListReq_Options_ListForStream:
		stream = node.AllStream
		if option.ListForStream.GetAll() == nil {
			stream = string(option.ListForStream.GetStream().GetStreamName())
		}
		if stream == "" {
			return nil, groupError(competing.Key{}, &competing.Failure{Reason: "Bad stream name."})
		}
	default:
		return nil, errInvalid("None", "ListOption")
	}
	infos, err := s.groups.List(ctx, stream)
	if err != nil {
		return nil, groupError(competing.Key{Source: stream}, err)
	}
	response := &persistent.ListResp{}
	for _, info := range infos {
		response.Subscriptions = append(response.Subscriptions, infoMessage(info))
	}
	return response, nil
}

func infoMessage(info competing.Info) *persistent.SubscriptionInfo {
	return &persistent.SubscriptionInfo{
		EventSource:                   info.Source,
		GroupName:                     info.Group,
		Status:                        info.Status,
		Connections:                   connectionMessages(info.Consumers),
		AveragePerSecond:              number(info.PerSecond),
		TotalItems:                    info.Total,
		CountSinceLastMeasurement:     info.Recent,
		LastCheckpointedEventPosition: info.LastCheckpointed,
		LastKnownEventPosition:        info.LastKnown,
		ResolveLinkTos:                info.ResolveLinks,
		StartFrom:                     info.StartFrom,
		MessageTimeoutMilliseconds:    milliseconds(info.MessageTimeout),
		ExtraStatistics:               info.ExtraStatistics,
		MaxRetryCount:                 number(info.MaxRetryCount),
		LiveBufferSize:                number(info.LiveBufferSize),
		BufferSize:                    number(info.HistoryBufferSize),
		ReadBatchSize:                 number(info.ReadBatchSize),
		CheckPointAfterMilliseconds:   milliseconds(info.CheckpointAfter),
		MinCheckPointCount:            number(info.MinCheckpointCount),
		MaxCheckPointCount:            number(info.MaxCheckpointCount),
		ReadBufferCount:               number(info.ReadBuffer),
		LiveBufferCount:               int64(info.LiveBuffer),
		RetryBufferCount:              number(info.RetryBuffer),
		TotalInFlightMessages:         number(info.InFlight),
		OutstandingMessagesCount:      number(info.InFlight),
		NamedConsumerStrategy:         string(info.Strategy),
		MaxSubscriberCount:            number(info.MaxSubscriberCount),
		ParkedMessageCount:            info.Parked,
	}
}

func connectionMessages(consumers []competing.ConsumerInfo) []*persistent.SubscriptionInfo_ConnectionInfo {
	var messages []*persistent.SubscriptionInfo_ConnectionInfo
	for _, c := range consumers {
		messages = append(messages, &persistent.SubscriptionInfo_ConnectionInfo{
			From:                      c.From,
			Username:                  c.User,
			AverageItemsPerSecond:     number(c.PerSecond),
			TotalItems:                c.Total,
			CountSinceLastMeasurement: c.Recent,
			AvailableSlots:            number(c.Slots - c.InFlight),
			InFlightMessages:          number(c.InFlight),
			ConnectionName:            c.Name,
		})
	}
	return messages
}

func number(n int) int32 { return int32(min(n, math.MaxInt32)) }

func milliseconds(d time.Duration) int32 { return number(int(d.Milliseconds())) }
