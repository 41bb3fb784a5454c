package bench

import (
	"slices"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// frame is a message as its bytes, for who has them already or wants no more.
type frame []byte

// frameCodec is gRPC's protobuf codec, and lets frames through as they are.
type frameCodec struct{}

var protobuf = encoding.GetCodecV2(proto.Name)

func (frameCodec) Name() string { return proto.Name }

func (frameCodec) Marshal(message any) (mem.BufferSlice, error) {
	if f, ok := message.(*frame); ok {
		return mem.BufferSlice{mem.SliceBuffer(*f)}, nil
	}
	return protobuf.Marshal(message)
}

func (frameCodec) Unmarshal(data mem.BufferSlice, message any) error {
	if f, ok := message.(*frame); ok {
		*f = slices.Grow((*f)[:0], data.Len())[:data.Len()]
		data.CopyTo(*f)
		return nil
	}
	return protobuf.Unmarshal(data, message)
}
