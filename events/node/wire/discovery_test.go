package wire

import (
	"encoding/base64"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"parley/events/node"
)

// EventStoreDB protocol: a server lists what it supports in lower case, with
// its version as three integers, and lists nothing that it does not serve.
func TestSupportedMethods(t *testing.T) {
	s := start(t, Options{})
	methods, err := serverfeatures.NewServerFeaturesClient(s.conn).GetSupportedMethods(s.ctx, none)
	if err != nil {
		t.Fatal(err)
	}
	if methods.EventStoreServerVersion != "24.10.0" {
		t.Errorf("version %q", methods.EventStoreServerVersion)
	}
	served := map[string]bool{}
	for service, info := range s.server.grpc.GetServiceInfo() {
		for _, method := range info.Methods {
			served[strings.ToLower(service+"/"+method.Name)] = true
		}
	}
	for _, method := range methods.Methods {
		name := method.ServiceName + "/" + method.MethodName
		if !served[name] {
			t.Errorf("%s is listed and not served", name)
		}
		delete(served, name)
	}
	for name := range served {
		t.Errorf("%s is served and not listed", name)
	}
}

// EventStoreDB protocol: gossip tells of one live leader, at an address that
// clients reach.
func TestGossip(t *testing.T) {
	for name, try := range map[string]struct {
		advertise string
		want      func(s *served) string
	}{
		"its own address":  {"", func(s *served) string { return s.address }},
		"an address given": {"node.example:2113", func(*served) string { return "node.example:2113" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Advertise: try.advertise})
			cluster, err := gossip.NewGossipClient(s.conn).Read(s.ctx, none)
			if err != nil || len(cluster.Members) != 1 {
				t.Fatalf("gossip: %v, %v", cluster, err)
			}
			member := cluster.Members[0]
			if member.State != gossip.MemberInfo_Leader || !member.IsAlive || member.TimeStamp < ticks(s.began) {
				t.Errorf("member %v, want a live leader of now", member)
			}
			if got := endPoint(try.want(s)); got.Address != member.HttpEndPoint.Address || got.Port != member.HttpEndPoint.Port {
				t.Errorf("end point %v, want %v", member.HttpEndPoint, got)
			}
		})
	}
}

// EventStoreDB protocol: where authentication is on, discovery needs no
// credentials; other calls without them are denied, and wrong ones are
// unauthenticated.
func TestAuthentication(t *testing.T) {
	s := start(t, Options{Authenticate: func(user, password string) (node.Caller, bool) {
		return node.Caller{Name: user}, user == "admin" && password == "chang:eit"
	}})
	s.write("a", "T", 1)
	if _, err := gossip.NewGossipClient(s.conn).Read(s.ctx, none); err != nil {
		t.Errorf("gossip: %v", err)
	}
	_, trailer, err := s.read(readRequest("a"))
	s.wantFault(err, trailer, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	_, trailer, err = s.append(anyRevision("a"), messages(newIDs(500)...)...)
	s.wantFault(err, trailer, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	anonymous := s.ctx
	for _, wrong := range []string{basic("admin", "wrong"), "Basic !", "Bearer token", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin"))} {
		s.ctx = metadata.AppendToOutgoingContext(anonymous, "authorization", wrong)
		_, _, err = s.read(readRequest("a"))
		s.wantFault(err, nil, codes.Unauthenticated, "Unauthenticated")
	}
	s.ctx = metadata.AppendToOutgoingContext(anonymous, "authorization", basic("admin", "chang:eit"))
	s.wantRead(readRequest("a"), "0@a")
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestServeOnASocket serves the same node on a Unix socket.
func TestServeOnASocket(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 1)
	path := filepath.Join(t.TempDir(), "node.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(s.node, Options{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s.streams = streams.NewStreamsClient(conn)
	s.wantRead(readRequest("a"), "0@a")
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := server.Shutdown(s.ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
