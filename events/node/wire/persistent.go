package wire

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"

	"parley/events/node"
	"parley/events/node/competing"
)

// persistentService is the protocol's PersistentSubscriptions service. The
// groups themselves live in package competing.
type persistentService struct {
	persistent.UnimplementedPersistentSubscriptionsServer
	node   *node.Node
	groups *competing.Subsystem
	// stopping is done when subscriptions are to end.
	stopping context.Context
}

// Create makes a group.
func (s *persistentService) Create(ctx context.Context, request *persistent.CreateReq) (*persistent.CreateResp, error) {
	key, settings, err := createOptions(request.GetOptions())
	if err != nil {
		return nil, err
	}
	if err := s.groups.Create(ctx, key, settings); err != nil {
		return nil, groupError(key, err)
	}
	return &persistent.CreateResp{}, nil
}

// Update changes a group and drops its consumers.
func (s *persistentService) Update(ctx context.Context, request *persistent.UpdateReq) (*persistent.UpdateResp, error) {
	key, settings, err := updateOptions(request.GetOptions())
	if err != nil {
		return nil, err
	}
	if err := s.groups.Update(ctx, key, settings); err != nil {
		return nil, groupError(key, err)
	}
	return &persistent.UpdateResp{}, nil
}

// Delete removes a group and drops its consumers.
func (s *persistentService) Delete(ctx context.Context, request *persistent.DeleteReq) (*persistent.DeleteResp, error) {
	options := request.GetOptions()
	key, err := groupKey(options, options.GetAll(), options.GetStreamIdentifier())
	if err != nil {
		return nil, err
	}
	if err := s.groups.Delete(ctx, key); err != nil {
		return nil, groupError(key, err)
	}
	return &persistent.DeleteResp{}, nil
}

// ReplayParked gives parked events out again.
func (s *persistentService) ReplayParked(ctx context.Context, request *persistent.ReplayParkedReq) (*persistent.ReplayParkedResp, error) {
	options := request.GetOptions()
	key, err := groupKey(options, options.GetAll(), options.GetStreamIdentifier())
	if err != nil {
		return nil, err
	}
	stopAt := int64(math.MaxInt64)
	if limit, ok := options.GetStopAtOption().(*persistent.ReplayParkedReq_Options_StopAt); ok {
		stopAt = limit.StopAt
	}
	if err := s.groups.ReplayParked(ctx, key, stopAt); err != nil {
		return nil, groupError(key, err)
	}
	return &persistent.ReplayParkedResp{}, nil
}

// RestartSubsystem drops all consumers and serves all groups anew.
func (s *persistentService) RestartSubsystem(ctx context.Context, _ *shared.Empty) (*shared.Empty, error) {
	if err := s.groups.Restart(ctx); err != nil {
		return nil, groupError(competing.Key{}, err)
	}
	return &shared.Empty{}, nil
}

// groupKey reads which group a request is about.
func groupKey(options interface{ GetGroupName() string }, all *shared.Empty, stream *shared.StreamIdentifier) (competing.Key, error) {
	key := competing.Key{Source: node.AllStream, Group: options.GetGroupName()}
	if all != nil {
		return key, nil
	}
	key.Source = string(stream.GetStreamName())
	switch key.Source {
	case "":
		return key, groupError(key, &competing.Failure{Reason: "Bad stream name."})
	case node.AllStream:
		return key, groupError(key, &competing.Failure{Reason: "Persistent subscriptions to $all are only supported over gRPC through gRPC clients"})
	}
	if _, err := streamName(stream); err != nil {
		return key, err
	}
	return key, nil
}

// groupError gives an error of a group the status and trailers that clients
// expect.
func groupError(key competing.Key, err error) error {
	about := []string{"stream-name", key.Source, "group-name", key.Group}
	subject := fmt.Sprintf("Subscription group %s on stream %s", key.Group, key.Source)
	failure := &competing.Failure{}
	if errors.Is(err, competing.ErrStopped) {
		err = &competing.Failure{Reason: "Persistent subscriptions are not started."}
	}
	switch {
	case errors.As(err, &failure):
		return &fault{
			code: codes.Internal, text: fmt.Sprintf("%s failed: '%s'", subject, failure.Reason),
			trailer: exception("persistent-subscription-failed", append(about, "reason", failure.Reason)...),
		}
	case errors.Is(err, competing.ErrExists):
		return &fault{code: codes.AlreadyExists, text: subject + " exists.", trailer: exception("persistent-subscription-exists", about...)}
	case errors.Is(err, competing.ErrNotFound):
		return &fault{code: codes.NotFound, text: subject + " does not exist.", trailer: exception("persistent-subscription-does-not-exist", about...)}
	case errors.Is(err, competing.ErrDropped):
		return &fault{code: codes.Canceled, text: subject + " was dropped.", trailer: exception("persistent-subscription-dropped", about...)}
	case errors.Is(err, competing.ErrFull):
		return &fault{
			code: codes.FailedPrecondition, text: fmt.Sprintf("Maximum subscriptions reached for subscription group %s on stream %s.", key.Group, key.Source),
			trailer: exception("maximum-subscribers-reached", about...),
		}
	}
	return err
}
