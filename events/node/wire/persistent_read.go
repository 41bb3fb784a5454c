package wire

import (
	"context"
	"errors"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"parley/events/node"
	"parley/events/node/competing"
)

// Read makes the caller a consumer of a group: it receives events and answers
// them on the same call.
func (s *persistentService) Read(call persistent.PersistentSubscriptions_ReadServer) error {
	request, err := call.Recv()
	if err != nil {
		return err
	}
	options := request.GetOptions()
	if options == nil {
		return errUnhandled
	}
	key, err := groupKey(options, options.GetAll(), options.GetStreamIdentifier())
	if err == nil {
		err = allow(call.Context(), s.node, key.Source, node.MayRead)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(call.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	consumer, err := s.groups.Connect(ctx, key, identify(ctx), int(options.GetBufferSize()))
	if err != nil {
		return groupError(key, err)
	}
	defer consumer.Close()
	c := &consuming{call: call, consumer: consumer}
	_, c.encoder.stringIDs = options.GetUuidOption().GetContent().(*persistent.ReadReq_Options_UUIDOption_String_)
	received := make(chan error, 1)
	go func() { received <- c.receiveAll(ctx) }()
	err = c.sendAll(ctx, key, received)
	if s.stopping.Err() != nil {
		return errNotReady
	}
	return groupError(key, err)
}

// identify tells who calls.
func identify(ctx context.Context) competing.Identity {
	who := competing.Identity{User: "anonymous", Name: "<unknown>"}
	if p, ok := peer.FromContext(ctx); ok {
		who.From = p.Addr.String()
	}
	header, _ := metadata.FromIncomingContext(ctx)
	if names := header.Get("connection-name"); len(names) > 0 {
		who.Name = names[0]
	}
	if authorization := header.Get("authorization"); len(authorization) > 0 {
		if user, _, ok := basicCredentials(authorization[0]); ok {
			who.User = user
		}
	}
	return who
}

// consuming is one Read call.
type consuming struct {
	call     persistent.PersistentSubscriptions_ReadServer
	consumer *competing.Consumer
	encoder  encoder
}

// sendAll confirms the subscription and sends events until the client, the
// group or the server ends it.
func (c *consuming) sendAll(ctx context.Context, key competing.Key, received <-chan error) error {
	err := c.call.Send(&persistent.ReadResp{Content: &persistent.ReadResp_SubscriptionConfirmation_{
		SubscriptionConfirmation: &persistent.ReadResp_SubscriptionConfirmation{SubscriptionId: key.String()},
	}})
	for err == nil {
		select {
		case d := <-c.consumer.Deliveries():
			message := c.encoder.delivery(resolved{event: d.Event, link: d.Link}, d.RetryCount)
			err = c.call.SendMsg(&message)
		case <-c.consumer.Dropped():
			return competing.ErrDropped
		case err := <-received:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// receiveAll takes the client's answers.
func (c *consuming) receiveAll(ctx context.Context) error {
	for {
		request, err := c.call.Recv()
		if err != nil {
			return err
		}
		switch answer := request.GetContent().(type) {
		case *persistent.ReadReq_Ack_:
			err = c.ack(ctx, answer.Ack)
		case *persistent.ReadReq_Nack_:
			err = c.nack(ctx, answer.Nack)
		default:
			err = errUnhandled
		}
		if err != nil {
			return err
		}
	}
}

func (c *consuming) ack(ctx context.Context, ack *persistent.ReadReq_Ack) error {
	ids, err := parseIDs(ack.GetIds())
	if err != nil {
		return err
	}
	return c.consumer.Ack(ctx, ids)
}

func (c *consuming) nack(ctx context.Context, nack *persistent.ReadReq_Nack) error {
	ids, err := parseIDs(nack.GetIds())
	if err != nil {
		return err
	}
	action := competing.Retry
	switch nack.GetAction() {
	case persistent.ReadReq_Nack_Park:
		action = competing.Park
	case persistent.ReadReq_Nack_Skip, persistent.ReadReq_Nack_Stop:
		action = competing.Skip
	}
	return c.consumer.Nack(ctx, ids, action, nack.GetReason())
}

func parseIDs(sent []*shared.UUID) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(sent))
	for i := range sent {
		var err error
		if ids[i], err = parseID(sent[i]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
