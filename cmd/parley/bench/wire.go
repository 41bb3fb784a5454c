package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"parley/events"
)

// openNode opens a log whose work is ascribed to Parley.
func openNode(ctx context.Context, p Program, dir string, open *closers) (node *Node, err error) {
	labelled(ctx, parleySide, func(context.Context) { node, err = p.OpenNode(dir) })
	if err == nil {
		open.add(node.Close)
	}
	return node, err
}

// serveNode serves a log on a free loopback port.
func serveNode(ctx context.Context, node *Node, open *closers) (address string, err error) {
	return serveStreams(ctx, parleySide, node.Serve, open)
}

// serveBare serves a control on a free loopback port.
func serveBare(ctx context.Context, bare *bareStreams, open *closers) (address string, err error) {
	return serveStreams(ctx, controlSide, func(ctx context.Context, l net.Listener) error {
		server := grpc.NewServer(grpc.ForceServerCodecV2(frameCodec{}), grpc.KeepaliveEnforcementPolicy(patientPolicy))
		streams.RegisterStreamsServer(server, bare)
		defer context.AfterFunc(ctx, server.Stop)()
		return server.Serve(l)
	}, open)
}

// patientPolicy lets EventStoreDB's client ping as often as it does.
var patientPolicy = keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}

func serveStreams(ctx context.Context, side string, serve func(context.Context, net.Listener) error, open *closers) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	labelled(ctx, side, func(ctx context.Context) {
		go func() { served <- serve(ctx, listener) }()
	})
	open.add(func() error {
		cancel()
		return <-served
	})
	return listener.Addr().String(), nil
}

// dialStub connects to a server without a client above the connection.
func dialStub(address string, open *closers) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", address, err)
	}
	open.add(conn.Close)
	return conn, nil
}

// stubLog appends by the calls that EventStoreDB's client makes, and no more.
type stubLog struct{ conn *grpc.ClientConn }

var none = &shared.Empty{}

// Append appends one event, expecting nothing.
func (l stubLog) Append(ctx context.Context, stream string, _ events.Expected, batch ...events.Proposed) (events.Appended, error) {
	call, err := streams.NewStreamsClient(l.conn).Append(ctx)
	if err != nil {
		return events.Appended{}, err
	}
	options := &streams.AppendReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
		ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: none},
	}
	err = call.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: options}})
	for i := 0; i < len(batch) && err == nil; i++ {
		err = call.Send(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: proposedMessage(&batch[i])}})
	}
	// After io.EOF the answer says what went wrong.
	if err != nil && err != io.EOF {
		return events.Appended{}, err
	}
	answer, err := call.CloseAndRecv()
	if err != nil {
		return events.Appended{}, err
	}
	success := answer.GetSuccess()
	if success == nil {
		return events.Appended{}, fmt.Errorf("the append to %s was refused: %v", stream, answer)
	}
	return events.Appended{Position: events.Position(success.GetPosition().GetCommitPosition()), Revision: success.GetCurrentRevision()}, nil
}

func proposedMessage(e *events.Proposed) *streams.AppendReq_ProposedMessage {
	return &streams.AppendReq_ProposedMessage{
		Id:             &shared.UUID{Value: &shared.UUID_String_{String_: e.ID.String()}},
		Metadata:       map[string]string{"type": e.Type, "content-type": "application/json"},
		CustomMetadata: e.Metadata,
		Data:           e.Data,
	}
}

// fileLog is the control of a log: a group-committed file of records as large
// as the events of the benchmark.
type fileLog struct {
	path     string
	appender *appender
}

func openFileLog(ctx context.Context, path string, open *closers) (*fileLog, error) {
	ctx, stop := context.WithCancel(ctx)
	var a *appender
	var closed <-chan error
	var err error
	labelled(ctx, controlSide, func(ctx context.Context) { a, closed, err = newAppender(ctx, path, appendInFlight) })
	if err != nil {
		stop()
		return nil, err
	}
	open.add(func() error {
		stop()
		return <-closed
	})
	return &fileLog{path, a}, nil
}

// Append appends a record of one event. Its answer says nothing.
func (f *fileLog) Append(ctx context.Context, stream string, _ events.Expected, batch ...events.Proposed) (events.Appended, error) {
	return events.Appended{}, f.append(ctx, batch[0].ID[:], []byte(stream), []byte(batch[0].Type), batch[0].Metadata, batch[0].Data)
}

func (f *fileLog) append(ctx context.Context, fields ...[]byte) error {
	record := make([]byte, appendBytes)
	rest := record
	for _, field := range fields {
		rest = rest[copy(rest, field):]
	}
	return f.appender.append(ctx, record)
}

// verify compares the file's size with so many records.
func (f *fileLog) verify(records int) error {
	info, err := os.Stat(f.path)
	if err == nil && info.Size() != int64(records)*appendBytes {
		err = fmt.Errorf("the control's file has %d bytes, %d records of %d were acknowledged", info.Size(), records, appendBytes)
	}
	return err
}

// bareStreams is the control of the protocol: the same calls and messages, with
// a file behind appends and nothing behind reads.
type bareStreams struct {
	streams.UnimplementedStreamsServer
	file *fileLog
	// sample is sent again and again by reads: as messages, or as the bytes
	// that they are encoded to if frames is set.
	sample []*streams.ReadResp
	frames []frame
}

// Append stores the event of one call, and answers always the same.
func (s *bareStreams) Append(call streams.Streams_AppendServer) error {
	first, err := call.Recv()
	if err != nil {
		return err
	}
	stream := first.GetOptions().GetStreamIdentifier().GetStreamName()
	for {
		request, err := call.Recv()
		if err == io.EOF {
			return call.SendAndClose(bareSuccess)
		}
		if err != nil {
			return err
		}
		m := request.GetProposedMessage()
		id := []byte(m.GetId().GetString_())
		if err := s.file.append(call.Context(), stream, []byte(m.GetMetadata()["type"]), m.GetCustomMetadata(), m.GetData(), id); err != nil {
			return err
		}
	}
}

var bareSuccess = &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
	CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: 1},
	PositionOption: &streams.AppendResp_Success_Position{
		Position: &streams.AppendResp_Position{CommitPosition: 1, PreparePosition: 1},
	},
}}}

// Read sends as many messages as were asked for.
func (s *bareStreams) Read(request *streams.ReadReq, call streams.Streams_ReadServer) error {
	if len(s.sample) == 0 {
		return errors.New("there is no sample to send")
	}
	for i := range request.GetOptions().GetCount() {
		var err error
		if n := int(i % uint64(len(s.sample))); s.frames != nil {
			err = call.SendMsg(&s.frames[n])
		} else {
			err = call.Send(s.sample[n])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
