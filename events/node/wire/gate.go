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
)

// gate stands before every call: it lets in who may call, and gives errors
// their status and trailers on the way out.
type gate struct {
	authenticate func(user, password string) bool
	logger       *slog.Logger
}

func (g *gate) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := g.admit(ctx, info.FullMethod); err != nil {
		return nil, g.answer(err, info.FullMethod, setTrailer(ctx))
	}
	response, err := handle(ctx, request)
	if err != nil {
		return nil, g.answer(err, info.FullMethod, setTrailer(ctx))
	}
	return response, nil
}

func (g *gate) stream(service any, call grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	err := g.admit(call.Context(), info.FullMethod)
	if err == nil {
		err = handle(service, call)
	}
	if err == nil {
		return nil
	}
	if info.IsClientStream && !info.IsServerStream {
		drain(call)
	}
	return g.answer(err, info.FullMethod, call.SetTrailer)
}

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

func (g *gate) admit(ctx context.Context, method string) error {
	if g.authenticate == nil {
		return nil
	}
	header, _ := metadata.FromIncomingContext(ctx)
	authorization := header.Get("authorization")
	if len(authorization) == 0 {
		if open[method] {
			return nil
		}
		return errAccessDenied
	}
	user, password, ok := basicCredentials(authorization[0])
	if !ok || !g.authenticate(user, password) {
		return errUnauthenticated
	}
	return nil
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
