package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"parley/events"
	"parley/events/node"
)

// patience bounds every test; it is reached only when something hangs.
const patience = 30 * time.Second

// served is a node and its server, with a client of the bare protocol.
type served struct {
	*testing.T
	ctx     context.Context
	node    *node.Node
	server  *Server
	address string
	began   time.Time
	conn    *grpc.ClientConn
	streams streams.StreamsClient
}

// start serves a new node in memory on a free port of the loopback interface.
func start(t *testing.T, opts Options) *served {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	n, err := node.Open("node", node.Options{FS: vfs.NewMem(), Lists: true})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{T: t, ctx: ctx, began: time.Now(), node: n, server: NewServer(n, opts), address: listener.Addr().String()}
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(listener) }()
	s.conn, err = grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s.streams = streams.NewStreamsClient(s.conn)
	t.Cleanup(func() {
		defer cancel()
		end, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		if err := errors.Join(s.conn.Close(), s.server.Shutdown(end), <-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client connects EventStore's own client.
func (s *served) client() *esdb.Client {
	s.Helper()
	config, err := esdb.ParseConnectionString("esdb://" + s.address + "?tls=false")
	if err != nil {
		s.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { client.Close() })
	return client
}

// write appends events of one type to a stream, by way of the node.
func (s *served) write(stream string, kind string, count int) (last node.Outcome) {
	s.Helper()
	batch := make([]events.Proposed, count)
	for i := range batch {
		batch[i] = events.Proposed{ID: uuid.New(), Type: kind, Data: fmt.Appendf(nil, `{"n":%d}`, i), Metadata: []byte(`{"m":1}`)}
	}
	return s.put(stream, batch...)
}

func (s *served) put(stream string, batch ...events.Proposed) node.Outcome {
	s.Helper()
	outcome, err := s.node.Write(s.ctx, stream, events.Any, batch)
	if err != nil || outcome.Status != node.Written {
		s.Fatalf("write to %s: %+v, %v", stream, outcome, err)
	}
	return outcome
}

func (s *served) setMetadata(stream, json string) node.Outcome {
	s.Helper()
	return s.put(node.MetastreamPrefix+stream, events.Proposed{ID: uuid.New(), Type: node.TypeMetadata, Data: []byte(json)})
}

func (s *served) link(stream string, revision int, target string) node.Outcome {
	s.Helper()
	return s.put(stream, events.Proposed{ID: uuid.New(), Type: node.TypeLink, Data: fmt.Appendf(nil, "%d@%s", revision, target), Binary: true})
}

func named(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

var none = &shared.Empty{}

// wantFault checks a status with its text and trailers.
func (s *served) wantFault(err error, trailer metadata.MD, code codes.Code, text string, want ...string) {
	s.Helper()
	got := status.Convert(err)
	if got.Code() != code || got.Message() != text {
		s.Errorf("status %s %q, want %s %q", got.Code(), got.Message(), code, text)
	}
	for i := 0; i < len(want); i += 2 {
		if values := trailer.Get(want[i]); len(values) != 1 || values[0] != want[i+1] {
			s.Errorf("trailer %s is %q, want %q", want[i], values, want[i+1])
		}
	}
}

// readRequest is a request for all events of a stream, forwards from its start.
func readRequest(stream string) *streams.ReadReq_Options {
	return &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{
			StreamIdentifier: named(stream),
			RevisionOption:   &streams.ReadReq_Options_StreamOptions_Start{Start: none},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: 1000},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: none},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: none}},
	}
}

// readAllRequest is a request for the whole log, forwards from its start.
func readAllRequest() *streams.ReadReq_Options {
	options := readRequest("")
	options.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
		AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: none},
	}}
	return options
}

// revision begins a read of a stream at a revision.
func revision(options *streams.ReadReq_Options, from uint64) *streams.ReadReq_Options {
	options.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: from}
	return options
}

// position begins a read of $all at a position.
func position(options *streams.ReadReq_Options, from events.Position) *streams.ReadReq_Options {
	options.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_Position{
		Position: &streams.ReadReq_Options_Position{CommitPosition: uint64(from), PreparePosition: uint64(from)},
	}
	return options
}

func fromEnd(options *streams.ReadReq_Options) *streams.ReadReq_Options {
	if stream := options.GetStream(); stream != nil {
		stream.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: none}
		return options
	}
	options.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_End{End: none}
	return options
}

func backwards(options *streams.ReadReq_Options) *streams.ReadReq_Options {
	options.ReadDirection = streams.ReadReq_Options_Backwards
	return options
}

func counted(options *streams.ReadReq_Options, count uint64) *streams.ReadReq_Options {
	options.CountOption = &streams.ReadReq_Options_Count{Count: count}
	return options
}

func subscribing(options *streams.ReadReq_Options) *streams.ReadReq_Options {
	options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	return options
}

func resolving(options *streams.ReadReq_Options) *streams.ReadReq_Options {
	options.ResolveLinks = true
	return options
}

func compatible(options *streams.ReadReq_Options) *streams.ReadReq_Options {
	options.ControlOption = &streams.ReadReq_Options_ControlOption{Compatibility: 1}
	return options
}

// filtered filters by the stream's name, with a window of window events and a
// checkpoint after each multiplier windows.
func filtered(options *streams.ReadReq_Options, by *streams.ReadReq_Options_FilterOptions_Expression, window, multiplier uint32) *streams.ReadReq_Options {
	options.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
		Filter:                       &streams.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: by},
		Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: window},
		CheckpointIntervalMultiplier: multiplier,
	}}
	return options
}

func prefixes(names ...string) *streams.ReadReq_Options_FilterOptions_Expression {
	return &streams.ReadReq_Options_FilterOptions_Expression{Prefix: names}
}

// read reads to the end and returns the trailer with the final error.
func (s *served) read(options *streams.ReadReq_Options) (found []*streams.ReadResp, trailer metadata.MD, err error) {
	s.Helper()
	call, err := s.streams.Read(s.ctx, &streams.ReadReq{Options: options})
	if err != nil {
		s.Fatal(err)
	}
	for {
		response, err := call.Recv()
		if err == io.EOF {
			return found, call.Trailer(), nil
		}
		if err != nil {
			return found, call.Trailer(), err
		}
		found = append(found, response)
	}
}

// wantRead checks what a read brings, each message as describe tells it.
func (s *served) wantRead(options *streams.ReadReq_Options, want ...string) {
	s.Helper()
	found, _, err := s.read(options)
	if err != nil {
		s.Error(err)
	}
	got := make([]string, len(found))
	for i, response := range found {
		got[i] = describe(response)
	}
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		s.Errorf("read (-want +got):\n%s", diff)
	}
}

// describe tells a message in a word: an event as revision@stream, a link with
// what it resolved to.
func describe(response *streams.ReadResp) string {
	switch content := response.Content.(type) {
	case *streams.ReadResp_Event:
		event, link := content.Event.GetEvent(), content.Event.GetLink()
		switch {
		case link == nil:
			return place(event)
		case event == nil:
			return place(link) + " -> gone"
		}
		return place(link) + " -> " + place(event)
	case *streams.ReadResp_StreamNotFound_:
		return "not found " + string(content.StreamNotFound.StreamIdentifier.StreamName)
	case *streams.ReadResp_FirstStreamPosition:
		return fmt.Sprint("first ", content.FirstStreamPosition)
	case *streams.ReadResp_LastStreamPosition:
		return fmt.Sprint("last ", content.LastStreamPosition)
	case *streams.ReadResp_Confirmation:
		return "confirmed"
	case *streams.ReadResp_CaughtUp_:
		return "caught up"
	case *streams.ReadResp_Checkpoint_:
		return fmt.Sprint("checkpoint ", content.Checkpoint.CommitPosition)
	}
	return fmt.Sprintf("%T", response.Content)
}

func place(event *streams.ReadResp_ReadEvent_RecordedEvent) string {
	return fmt.Sprintf("%d@%s", event.StreamRevision, event.StreamIdentifier.StreamName)
}

// places lists the events of a stream from one revision to another, both
// included, in either direction.
func places(stream string, from, to int) (list []string) {
	step := 1
	if to < from {
		step = -1
	}
	for revision := from; ; revision += step {
		list = append(list, fmt.Sprintf("%d@%s", revision, stream))
		if revision == to {
			return list
		}
	}
}
