package wire

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"parley/events/node"
)

// EventStoreDB protocol:
// §1 the server's version is three numbers
// §1 services and methods are listed in lower case, each with its features
// §1 nothing is listed that is not served, and nothing served that is not listed
func TestSupportedMethods(t *testing.T) {
	s := start(t, Options{})
	methods, err := serverfeatures.NewServerFeaturesClient(s.conn).GetSupportedMethods(s.ctx, none)
	if err != nil {
		t.Fatal(err)
	}
	if methods.EventStoreServerVersion != "24.10.0" {
		t.Errorf("version %q", methods.EventStoreServerVersion)
	}
	features := map[string]string{
		"event_store.client.streams.streams/read":        "position events",
		"event_store.client.streams.streams/batchappend": "deadline_duration",
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
		want := features[name]
		if method.ServiceName == "event_store.client.persistent_subscriptions.persistentsubscriptions" {
			want = "stream all"
		}
		if got := strings.Join(method.Features, " "); got != want {
			t.Errorf("%s has the features %q, want %q", name, got, want)
		}
		delete(served, name)
	}
	for name := range served {
		t.Errorf("%s is served and not listed", name)
	}
}

// EventStoreDB protocol:
// §8 gossip tells of one live leader, of now, at an address that clients reach
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

// EventStoreDB protocol:
// §0 over TLS, credentials are a Basic authorization header; wrong ones are UNAUTHENTICATED "Unauthenticated"
// §0 an append is received to its end before it is refused, so that its client hears why
// §2 who has no right to something is PERMISSION_DENIED "Access Denied", exception access-denied
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

// EventStoreDB protocol:
// §0 over TLS, credentials are a Basic authorization header; wrong ones are UNAUTHENTICATED "Unauthenticated"
func TestTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	s := start(t, Options{
		TLS:          &tls.Config{Certificates: certified.TLS.Certificates},
		Authenticate: func(user, password string) (node.Caller, bool) { return node.Caller{Name: user}, password == "secret" },
	})
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	connect := func(password string) *esdb.Client {
		config, err := esdb.ParseConnectionString("esdb://ada:" + password + "@" + s.address)
		if err != nil {
			t.Fatal(err)
		}
		config.Logger, config.RootCAs = esdb.NoopLogging(), roots
		client, err := esdb.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	if _, err := connect("secret").AppendToStream(s.ctx, "a", esdb.AppendToStreamOptions{}, clientEvent()); err != nil {
		t.Error(err)
	}
	_, err := connect("wrong").AppendToStream(s.ctx, "a", esdb.AppendToStreamOptions{}, clientEvent())
	wantCode(t, err, esdb.ErrorCodeUnauthenticated)
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
