package wire

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// codec is gRPC's protobuf codec, and lets messages through that are encoded
// already or need no decoding.
type codec struct{}

// encoded is a message that was encoded by this package.
type encoded []byte

// discarded is a received message that nobody reads.
type discarded struct{}

var protobuf = encoding.GetCodecV2(proto.Name)

func (codec) Name() string { return proto.Name }

func (codec) Marshal(message any) (mem.BufferSlice, error) {
	if done, ok := message.(*encoded); ok {
		return mem.BufferSlice{mem.SliceBuffer(*done)}, nil
	}
	return protobuf.Marshal(message)
}

func (codec) Unmarshal(data mem.BufferSlice, message any) error {
	if _, ok := message.(*discarded); ok {
		return nil
	}
	return protobuf.Unmarshal(data, message)
}
