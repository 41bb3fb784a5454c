package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"parley/events"
)

// openRead asks a server for the log's first events.
func openRead(ctx context.Context, conn *grpc.ClientConn, count int) (grpc.ClientStream, error) {
	call, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, streams.Streams_Read_FullMethodName, grpc.ForceCodecV2(frameCodec{}))
	if err != nil {
		return nil, err
	}
	request := &streams.ReadReq{Options: &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: none},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: uint64(count)},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: none},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: none}},
	}}
	if err := call.SendMsg(request); err != nil {
		return nil, err
	}
	return call, call.CloseSend()
}

// framesOf reads a server's events without decoding them.
func framesOf(conn *grpc.ClientConn, count int) func(context.Context) (int, error) {
	var one frame
	return received(conn, count, func() any { return &one })
}

// messagesOf reads a server's events as the protocol's generated client does.
func messagesOf(conn *grpc.ClientConn, count int) func(context.Context) (int, error) {
	return received(conn, count, func() any { return new(streams.ReadResp) })
}

func received(conn *grpc.ClientConn, count int, into func() any) func(context.Context) (int, error) {
	return func(ctx context.Context) (received int, err error) {
		call, err := openRead(ctx, conn, count)
		for err == nil {
			if err = call.RecvMsg(into()); err == nil {
				received++
			}
		}
		if err == io.EOF {
			err = nil
		}
		return received, err
	}
}

// verifyServed compares each event that is served with the log's, and returns
// the first messages.
func (m *readMeasurement) verifyServed(ctx context.Context) (sample []frame, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := openRead(ctx, m.served, m.options.Events)
	if err != nil {
		return nil, err
	}
	for e, err := range m.log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return nil, err
		}
		var one frame
		var message streams.ReadResp
		if err := call.RecvMsg(&one); err != nil {
			return nil, err
		}
		if err := unmarshal(one, &message); err != nil {
			return nil, err
		}
		if served := message.GetEvent().GetEvent(); !same(served, &e) {
			return nil, fmt.Errorf("the event at position %d is served as %v", e.Position, served)
		}
		if len(sample) < sampleMessages {
			sample = append(sample, slices.Clip(one))
		}
	}
	if err := call.RecvMsg(new(frame)); err != io.EOF {
		return nil, fmt.Errorf("after the last event: %w", err)
	}
	return sample, nil
}

func same(served *streams.ReadResp_ReadEvent_RecordedEvent, e *events.Recorded) bool {
	return served.GetCommitPosition() == uint64(e.Position) && served.GetStreamRevision() == e.Revision &&
		string(served.GetStreamIdentifier().GetStreamName()) == e.Stream && served.GetMetadata()["type"] == e.Type &&
		bytes.Equal(served.GetData(), e.Data) && bytes.Equal(served.GetCustomMetadata(), e.Metadata)
}

func unmarshal(f frame, message any) error {
	return protobuf.Unmarshal(mem.BufferSlice{mem.SliceBuffer(f)}, message)
}
