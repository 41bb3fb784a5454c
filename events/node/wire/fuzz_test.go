package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"parley/events/node"
)

// method is one of the protocol; many tells that it takes more than one message.
type method struct {
	path string
	many bool
}

func (s *Server) methods() (all []method) {
	for service, known := range s.grpc.GetServiceInfo() {
		for _, m := range known.Methods {
			all = append(all, method{"/" + service + "/" + m.Name, m.IsClientStream})
		}
	}
	slices.SortFunc(all, func(a, b method) int { return strings.Compare(a.path, b.path) })
	return all
}

// failures is what a server logged.
type failures struct {
	mu     sync.Mutex
	logged bytes.Buffer // guarded by mu
}

func (l *failures) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logged.Write(line)
}

func (l *failures) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.logged.Reset()
	return l.logged.String()
}

// requests are one of each kind that is sent, by the end of the method's path.
func requests() map[string]proto.Message {
	return map[string]proto.Message{
		"Streams/Append":      &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: anyRevision("a")}},
		"Streams/BatchAppend": &streams.BatchAppendReq{CorrelationId: structuredID(uuid.UUID{1}), Options: batchAny("a"), IsFinal: true},
		"Streams/Read":        &streams.ReadReq{Options: readAllRequest()},
		"Streams/Delete":      deleteAny("b"),
		"Streams/Tombstone":   tombstoneAny("c"),
		"PersistentSubscriptions/Create": &persistent.CreateReq{Options: &persistent.CreateReq_Options{
			GroupName: "g", StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{StreamIdentifier: named("a")}},
			Settings: &persistent.CreateReq_Settings{MaxRetryCount: 1, ReadBatchSize: 2, LiveBufferSize: 4, HistoryBufferSize: 4},
		}},
		"PersistentSubscriptions/Read": &persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: &persistent.ReadReq_Options{
			GroupName: "g", BufferSize: 1, StreamOption: &persistent.ReadReq_Options_StreamIdentifier{StreamIdentifier: named("a")},
		}}},
	}
}

// FuzzCalls sends one or two messages to any method of the protocol: what comes of
// it is the caller's, never a failure of the server's own.
func FuzzCalls(f *testing.F) {
	log, err := node.Open("node", node.Options{FS: vfs.NewMem(), Lists: true})
	if err != nil {
		f.Fatal(err)
	}
	failed := new(failures)
	server := NewServer(log, Options{Logger: slog.New(slog.NewTextHandler(failed, &slog.HandlerOptions{Level: slog.LevelError}))})
	listener := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///node", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{})))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(conn.Close(), server.Shutdown(ending), <-served, log.Close()); err != nil {
			f.Error(err)
		}
	})
	methods, known := server.methods(), requests()
	second, err := proto.Marshal(appendMessage(message(uuid.UUID{2})))
	if err != nil {
		f.Fatal(err)
	}
	for i, m := range methods {
		f.Add(uint8(i), []byte{}, []byte{})
		for name, request := range known {
			if strings.HasSuffix(m.path, "."+name) {
				first, err := proto.Marshal(request)
				if err != nil {
					f.Fatal(err)
				}
				f.Add(uint8(i), first, second)
				delete(known, name)
			}
		}
	}
	if len(known) > 0 {
		f.Errorf("no method takes %v", known)
	}
	f.Fuzz(func(t *testing.T, number uint8, first, second []byte) {
		m := methods[int(number)%len(methods)]
		sent := [][]byte{first, second}
		if !m.many {
			sent = sent[:1]
		}
		if err := call(t, conn, m.path, sent); status.Code(err) == codes.DeadlineExceeded {
			t.Errorf("%s of %x is not answered", m.path, sent)
		}
		if said := failed.take(); said != "" {
			t.Errorf("%s of %x failed: %s", m.path, sent, said)
		}
	})
}

// call sends messages and awaits one answer, since some calls never end.
func call(t *testing.T, conn *grpc.ClientConn, path string, messages [][]byte) error {
	ctx, hangUp := context.WithTimeout(t.Context(), patience)
	defer hangUp()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, path)
	if err != nil {
		return err
	}
	for _, message := range messages {
		if err := stream.SendMsg((*encoded)(&message)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if err := stream.RecvMsg(&discarded{}); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
