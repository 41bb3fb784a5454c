package wire

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"parley/events/node"
)

// gate stands before every call: it lets in who may call, and gives errors
// their status and trailers on the way out.
type gate struct {
	authenticate func(user, password string) (node.Caller, bool)
	logger       *slog.Logger
}

func (g *gate) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	admitted, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, g.answer(err, info.FullMethod, setTrailer(ctx))
	}
	response, err := handle(admitted, request)
	if err != nil {
		return nil, g.answer(err, info.FullMethod, setTrailer(ctx))
	}
	return response, nil
}

func (g *gate) stream(service any, call grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, err := g.admit(call.Context(), info.FullMethod)
	if err == nil {
		err = handle(service, &admittedStream{call, ctx})
	}
	if err == nil {
		return nil
	}
	if info.IsClientStream && !info.IsServerStream {
		drain(call)
	}
	return g.answer(err, info.FullMethod, call.SetTrailer)
}

// admittedStream is a call whose context knows the caller.
type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *admittedStream) Context() context.Context { return s.ctx }

// drain reads a request to its end. Answered earlier, a client that is still
// sending would see only that the call has ended, and lose the answer.
func drain(call grpc.ServerStream) {
	for call.RecvMsg(&discarded{}) == nil {
	}
}

func setTrailer(ctx context.Context) func(metadata.MD) {
	return func(trailer metadata.MD) { _ = grpc.SetTrailer(ctx, trailer) }
}

// answer turns an error into the status that clients know, and logs what is
// the server's own failure.
func (g *gate) answer(err error, method string, setTrailer func(metadata.MD)) error {
	answer, expected := statusOf(err)
	if !expected {
		g.logger.Error("a call of the event store protocol failed", "method", method, "error", err)
	}
	var known *fault
	if errors.As(answer, &known) && known.trailer != nil {
		setTrailer(known.trailer)
	}
	return answer
}

// open are the calls by which a client finds the server, before it sends
// credentials.
var open = map[string]bool{
	serverfeatures.ServerFeatures_GetSupportedMethods_FullMethodName: true,
	gossip.Gossip_Read_FullMethodName:                                true,
}

// admit lets in who may call, and puts the caller into the context returned.
func (g *gate) admit(ctx context.Context, method string) (context.Context, error) {
	if g.authenticate == nil {
		return ctx, nil
	}
	header, _ := metadata.FromIncomingContext(ctx)
	authorization := header.Get("authorization")
	if len(authorization) == 0 {
		if open[method] {
			return ctx, nil
		}
		return nil, errAccessDenied
	}
	user, password, ok := basicCredentials(authorization[0])
	if !ok {
		return nil, errUnauthenticated
	}
	caller, ok := g.authenticate(user, password)
	if !ok {
		return nil, errUnauthenticated
	}
	if needed := reserved[method]; needed != nil && !caller.Has(needed...) {
		return nil, errAccessDenied
	}
	return context.WithValue(ctx, callerKey{}, caller), nil
}

func basicCredentials(authorization string) (user, password string, ok bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), ":")
}
