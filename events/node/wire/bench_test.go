package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"parley/events"
	"parley/events/node"
)

// The benchmarks compare the server with a bare one: the same calls with the
// same commit behind them, on generated code, with none of the protocol.

type bareServer struct {
	streams.UnimplementedStreamsServer
	node *node.Node
	// messages are what Read sends.
	messages []*streams.ReadResp
}

func (s *bareServer) Append(call streams.Streams_AppendServer) error {
	first, err := call.Recv()
	if err != nil {
		return err
	}
	var batch []events.Proposed
	for {
		request, err := call.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		m := request.GetProposedMessage()
		batch = append(batch, events.Proposed{ID: uuid.New(), Type: m.Metadata["type"], Data: m.Data, Metadata: m.CustomMetadata})
	}
	outcome, err := s.node.Write(call.Context(), string(first.GetOptions().StreamIdentifier.StreamName), events.Any, batch)
	if err != nil {
		return err
	}
	return call.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: appendSuccess(outcome)}})
}

func (s *bareServer) Read(_ *streams.ReadReq, call streams.Streams_ReadServer) error {
	for _, message := range s.messages {
		if err := call.Send(message); err != nil {
			return err
		}
	}
	return nil
}

// benchNode is a node on disk with events in a stream.
func benchNode(b *testing.B, count int) *node.Node {
	n, err := node.Open(b.TempDir(), node.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Close() })
	batch := make([]events.Proposed, 100)
	for range count / len(batch) {
		for i := range batch {
			batch[i] = events.Proposed{ID: uuid.New(), Type: "MessagePosted", Data: make([]byte, 200), Metadata: make([]byte, 100)}
		}
		if _, err := n.Write(b.Context(), "messages-1", events.Any, batch); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

func benchClient(b *testing.B, serve func(net.Listener) error, stop func()) streams.StreamsClient {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		stop()
		<-done
	})
	return streams.NewStreamsClient(conn)
}

func wireClient(b *testing.B, n *node.Node) streams.StreamsClient {
	s := NewServer(n, Options{})
	return benchClient(b, s.Serve, func() { _ = s.Shutdown(context.Background()) })
}

func bareClient(b *testing.B, n *node.Node, messages []*streams.ReadResp) streams.StreamsClient {
	s := grpc.NewServer()
	streams.RegisterStreamsServer(s, &bareServer{node: n, messages: messages})
	return benchClient(b, s.Serve, s.Stop)
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		for _, kind := range []string{"bare", "wire"} {
			b.Run(fmt.Sprintf("%s/writers=%d", kind, writers), func(b *testing.B) {
				n := benchNode(b, 0)
				client := wireClient
				if kind == "bare" {
					client = func(b *testing.B, n *node.Node) streams.StreamsClient { return bareClient(b, n, nil) }
				}
				benchAppend(b, client(b, n), writers)
			})
		}
	}
}

func benchAppend(b *testing.B, client streams.StreamsClient, writers int) {
	var left atomic.Int64
	left.Store(int64(b.N))
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			stream := fmt.Sprintf("messages-%d", w)
			for left.Add(-1) >= 0 {
				if err := appendOnce(b.Context(), client, stream); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

func appendOnce(ctx context.Context, client streams.StreamsClient, stream string) error {
	call, err := client.Append(ctx)
	if err != nil {
		return err
	}
	if err := call.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: anyRevision(stream)}}); err != nil {
		return err
	}
	m := message(uuid.New())
	m.Data, m.CustomMetadata = make([]byte, 200), make([]byte, 100)
	if err := call.Send(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: m}}); err != nil {
		return err
	}
	_, err = call.CloseAndRecv()
	return err
}

func BenchmarkReadStream(b *testing.B) {
	const count = 20_000
	n := benchNode(b, count)
	request := &streams.ReadReq{Options: counted(readRequest("messages-1"), count)}
	messages, err := readOnce(b.Context(), wireClient(b, n), request, count)
	if err != nil {
		b.Fatal(err)
	}
	for kind, client := range map[string]streams.StreamsClient{"bare": bareClient(b, n, messages), "wire": wireClient(b, n)} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				if _, err := readOnce(b.Context(), client, request, count); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func readOnce(ctx context.Context, client streams.StreamsClient, request *streams.ReadReq, count int) ([]*streams.ReadResp, error) {
	call, err := client.Read(ctx, request)
	if err != nil {
		return nil, err
	}
	found := make([]*streams.ReadResp, 0, count)
	for {
		response, err := call.Recv()
		if err == io.EOF && len(found) == count {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after %d events: %w", len(found), err)
		}
		found = append(found, response)
	}
}
