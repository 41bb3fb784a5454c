// Package wire serves the EventStoreDB gRPC protocol on top of the embedded
// node, so that any EventStoreDB client, in any language, can read and write
// the node's log.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"parley/events/node"
	"parley/events/node/competing"
)

// EventStoreDB protocol: clients ping every 10 s, with and without open calls,
// and take an answer of "too many pings" for an outage. A message received is
// at most 4 MiB.
const (
	minPingInterval   = 5 * time.Second
	keepAliveInterval = 10 * time.Second
	keepAliveTimeout  = 10 * time.Second
	maxMessageBytes   = 4 << 20
)

// Options configure a Server. The zero value serves everybody, without TLS.
type Options struct {
	// Advertise is the host:port under which clients reach this server, as
	// gossip tells them; the listener's address when empty.
	Advertise string
	// TLS, when set, is the only way to connect.
	TLS *tls.Config
	// Authenticate, when set, tells who makes a call by its user and password,
	// or that they are wrong. What callers may do is decided by their groups
	// and the $acl of streams; calls without credentials are denied all but
	// the discovery of the server.
	Authenticate func(user, password string) (node.Caller, bool)
	// Logger hears of the server's own failures; nil is silence.
	Logger *slog.Logger
}

// Server serves one node, and runs its persistent subscriptions; a second
// server of the same node would run them twice. It does not own the node: shut
// the server down first and close the node then.
type Server struct {
	grpc   *grpc.Server
	gossip *gossipService
	groups *competing.Subsystem
	// stopping ends the subscriptions, which would never end by themselves.
	stopping context.Context
	stop     context.CancelFunc
}

// NewServer prepares a server; Serve starts it.
func NewServer(n *node.Node, opts Options) *Server {
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		gossip: newGossipService(opts.Advertise),
		groups: competing.New(n, competing.Options{Logger: logger}),
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	gate := &gate{authenticate: opts.Authenticate, logger: logger}
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPingInterval, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepAliveInterval, Timeout: keepAliveTimeout}),
		grpc.UnaryInterceptor(gate.unary),
		grpc.StreamInterceptor(gate.stream),
	}
	if opts.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(opts.TLS)))
	}
	s.grpc = grpc.NewServer(options...)
	streams.RegisterStreamsServer(s.grpc, &streamsService{node: n, stopping: s.stopping})
	serverfeatures.RegisterServerFeaturesServer(s.grpc, featuresService{})
	gossip.RegisterGossipServer(s.grpc, s.gossip)
	monitoring := &monitoringService{node: n, began: time.Now(), stopping: s.stopping}
	s.grpc.RegisterService(monitoring.description(), monitoring)
	persistent.RegisterPersistentSubscriptionsServer(s.grpc, &persistentService{node: n, groups: s.groups, stopping: s.stopping})
	return s
}

// Serve starts the persistent subscriptions and accepts connections until
// Shutdown, which it answers with nil. It closes the listener.
func (s *Server) Serve(listener net.Listener) error {
	s.gossip.listensOn(listener.Addr())
	err := s.groups.Start(s.stopping)
	if s.stopping.Err() != nil { // shut down before it began
		return listener.Close()
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	err = s.grpc.Serve(listener)
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve the node on %s: %w", listener.Addr(), err)
	}
	return nil
}

// Shutdown ends open subscriptions, lets other calls finish while the context
// lasts, and cuts off those that are left then. It answers with the context's
// error if it had to.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	defer s.groups.Stop()
	finished := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(finished)
	}()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		s.grpc.Stop()
		<-finished
		return ctx.Err()
	}
}

// streamsService is the protocol's Streams service; each of its calls has a
// file of its own.
type streamsService struct {
	streams.UnimplementedStreamsServer
	node *node.Node
	// stopping is done when subscriptions are to end.
	stopping context.Context
}
