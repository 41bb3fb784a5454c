package wire

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"parley/events/node"
)

// EventStoreDB protocol:
// §0 pings every 10 s, with and without open calls, are welcome
func TestPingsAreWelcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := node.Open("node", node.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		listener := bufconn.Listen(1 << 20)
		server := NewServer(n, Options{})
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///node",
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gossip.NewGossipClient(conn).Read(t.Context(), none); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			time.Sleep(10 * time.Second) // in the bubble's own time
			if state := conn.GetState(); state != connectivity.Ready {
				t.Fatalf("the connection is %s", state)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// EventStoreDB protocol:
// §0 a message of more than 4 MiB is refused
func TestMessagesAreBounded(t *testing.T) {
	s := start(t, Options{})
	b := s.batch()
	huge := message(newIDs(1)[0])
	huge.Data = make([]byte, maxMessageBytes)
	call, err := s.streams.Append(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Send(appendMessage(huge)); err != nil {
		t.Fatal(err)
	}
	if _, err := call.CloseAndRecv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want %s", err, codes.ResourceExhausted)
	}
	b.send(1, true, batchAny("a"), newIDs(1)...)
	b.wantSuccess(1, 0)
}

// EventStoreDB protocol:
// §0 the headers requires-leader and connection-name are taken, whatever they say
// §0 without authentication nobody needs credentials, and those that are sent are not looked at
// §8 what is not served answers UNIMPLEMENTED
func TestOtherServices(t *testing.T) {
	s := start(t, Options{})
	for _, method := range []string{
		"/event_store.client.operations.Operations/Shutdown", "/event_store.client.users.Users/Create",
		"/event_store.client.projections.Projections/Create",
	} {
		if err := s.conn.Invoke(s.ctx, method, none, &shared.Empty{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
	for _, leader := range []string{"true", "false", "nonsense"} {
		s.ctx = metadata.NewOutgoingContext(t.Context(), metadata.Pairs(
			"requires-leader", leader, "connection-name", "test", "authorization", basic("nobody", "wrong")))
		s.wantRead(readRequest("absent"), "not found absent")
	}
}
