package wire

import (
	"slices"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"parley/events/node"
)

// callers have their own name for a password.
var callers = []node.Caller{
	{Name: "root", Groups: []string{node.Admins}},
	{Name: "otto", Groups: []string{"$ops"}},
	{Name: "ada", Groups: []string{"clerks"}},
	{Name: "bob"},
}

// guarded serves a node to the callers, and calls as one of them.
type guarded struct {
	*served
	groups persistent.PersistentSubscriptionsClient
}

func startGuarded(t *testing.T) *guarded {
	s := start(t, Options{Authenticate: func(user, password string) (node.Caller, bool) {
		i := slices.IndexFunc(callers, func(c node.Caller) bool { return c.Name == user && c.Name == password })
		if i < 0 {
			return node.Caller{}, false
		}
		return callers[i], true
	}})
	return &guarded{s, persistent.NewPersistentSubscriptionsClient(s.conn)}
}

func (g *guarded) as(name string) *guarded {
	s := *g.served
	s.ctx = metadata.AppendToOutgoingContext(s.ctx, "authorization", basic(name, name))
	return &guarded{&s, g.groups}
}

// calls are what a caller can try with a stream, by the words for it.
func (g *guarded) calls(stream string) map[string]func() (metadata.MD, error) {
	read := func(options *streams.ReadReq_Options) func() (metadata.MD, error) {
		return func() (metadata.MD, error) {
			_, trailer, err := g.read(counted(options, 1))
			return trailer, err
		}
	}
	write := func(stream string) func() (metadata.MD, error) {
		return func() (metadata.MD, error) {
			_, trailer, err := g.append(anyRevision(stream), message(uuid.New()))
			return trailer, err
		}
	}
	return map[string]func() (metadata.MD, error){
		"read":           read(readRequest(stream)),
		"subscribe":      func() (metadata.MD, error) { return g.subscribed(subscribing(readRequest(stream))) },
		"write":          write(stream),
		"read metadata":  read(readRequest(node.MetastreamPrefix + stream)),
		"write metadata": write(node.MetastreamPrefix + stream),
		"consume":        func() (metadata.MD, error) { return g.consumed(stream) },
	}
}

// subscribed waits until a subscription is confirmed or denied.
func (g *guarded) subscribed(options *streams.ReadReq_Options) (metadata.MD, error) {
	call, err := g.streams.Read(g.ctx, &streams.ReadReq{Options: options})
	if err != nil {
		g.Fatal(err)
	}
	_, err = call.Recv()
	if err != nil {
		return call.Trailer(), err
	}
	return nil, call.CloseSend()
}

// consumed asks for a group that is not there: whoever may read its stream is
// told so.
func (g *guarded) consumed(stream string) (metadata.MD, error) {
	call, err := g.groups.Read(g.ctx)
	if err != nil {
		g.Fatal(err)
	}
	err = call.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: &persistent.ReadReq_Options{
		StreamOption: &persistent.ReadReq_Options_StreamIdentifier{StreamIdentifier: named(stream)}, GroupName: "none",
	}}})
	if err != nil {
		g.Fatal(err)
	}
	if _, err = call.Recv(); status.Code(err) == codes.NotFound {
		err = nil
	}
	return call.Trailer(), err
}

// want checks which of the calls a caller may make; the others are denied.
func (g *guarded) want(caller, stream string, allowed ...string) {
	g.Helper()
	g = g.as(caller)
	for words, try := range g.calls(stream) {
		trailer, err := try()
		if slices.Contains(allowed, words) {
			if err != nil {
				g.Errorf("%s may not %s %s: %v", caller, words, stream, err)
			}
			continue
		}
		if err == nil {
			g.Errorf("%s may %s %s", caller, words, stream)
			continue
		}
		g.wantFault(err, trailer, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	}
}

var everything = []string{"read", "subscribe", "write", "read metadata", "write metadata", "consume"}

// EventStoreDB protocol:
// §2 who has no right to something is PERMISSION_DENIED "Access Denied", exception access-denied
// §6 $acl gives $r, $w, $d, $mr and $mw, each to a name or a list of names
// §6 by default users' streams are everyone's and system streams the administrators'
// §6 the right to a metastream is that to read or write the stream's metadata
func TestStreamsHaveRights(t *testing.T) {
	g := startGuarded(t)
	described := map[string]string{
		"clerks":  `{"$acl":{"$r":"clerks","$w":["ada","otto"],"$mr":[],"$mw":"$admins"}}`,
		"open":    `{"$maxCount":3}`,
		"null":    `{"$acl":null}`,
		"broken":  `{"$acl":{"$r":[1]}}`,
		"$system": `{"$acl":{"$r":"$all"}}`,
	}
	reading := []string{"read", "subscribe", "consume"}
	for caller, rights := range map[string]map[string][]string{
		"root": {"clerks": everything, "open": everything, "new": everything, "$new": everything, "$system": everything},
		"otto": {"clerks": {"write"}, "$system": reading},
		"ada":  {"clerks": append([]string{"write"}, reading...), "open": everything, "new": everything, "$new": nil, "broken": everything},
		"bob":  {"clerks": nil, "$system": reading, "null": everything, "$ce-clerks": nil},
	} {
		for stream, allowed := range rights {
			// Who may write metadata does, and changes the stream's for others.
			own := stream + "-" + caller
			if metadata := described[stream]; metadata != "" {
				g.setMetadata(own, metadata)
			}
			g.want(caller, own, allowed...)
		}
	}
}

// EventStoreDB protocol:
// §6 $acl gives $r, $w, $d, $mr and $mw, each to a name or a list of names
func TestDeletionAndAllHaveRights(t *testing.T) {
	g := startGuarded(t)
	for _, name := range []string{"a", "b"} {
		g.setMetadata(name, `{"$acl":{"$d":"ada"}}`)
		g.write(name, "T", 1)
	}
	_, err := g.streams.Delete(g.as("bob").ctx, deleteAny("a"))
	g.wantFault(err, nil, codes.PermissionDenied, "Access Denied")
	_, err = g.streams.Tombstone(g.as("bob").ctx, tombstoneAny("a"))
	g.wantFault(err, nil, codes.PermissionDenied, "Access Denied")
	if _, err := g.streams.Tombstone(g.as("ada").ctx, tombstoneAny("a")); err != nil {
		t.Error(err)
	}
	if _, err := g.streams.Delete(g.as("root").ctx, deleteAny("b")); err != nil {
		t.Error(err)
	}
	_, trailer, err := g.as("bob").read(readAllRequest())
	g.wantFault(err, trailer, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	trailer, err = g.as("bob").subscribed(subscribing(readAllRequest()))
	g.wantFault(err, trailer, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	g.setMetadata(node.AllStream, `{"$acl":{"$r":"bob"}}`)
	if _, _, err := g.as("bob").read(readAllRequest()); err != nil {
		t.Error(err)
	}
}

// EventStoreDB protocol:
// §6 without authentication everything is allowed
func TestWithoutAuthenticationAllIsAllowed(t *testing.T) {
	s := start(t, Options{})
	s.setMetadata("closed", `{"$acl":{"$r":[],"$w":[],"$d":[],"$mr":[],"$mw":[]}}`)
	(&guarded{s, persistent.NewPersistentSubscriptionsClient(s.conn)}).want("anyone", "closed", everything...)
	if _, err := s.streams.Delete(s.ctx, deleteAny("closed")); err != nil {
		t.Error(err)
	}
	s.write("$system", "T", 1)
	s.wantRead(readRequest("$system"), "0@$system")
}

// A link gives no right to what it points to.
func TestLinksGiveNoRights(t *testing.T) {
	g := startGuarded(t)
	g.setMetadata("secret", `{"$acl":{"$r":"ada"}}`)
	g.write("secret", "T", 1)
	g.link("links", 0, "secret")
	g.as("ada").wantRead(resolving(readRequest("links")), "0@links -> 0@secret")
	g.as("bob").wantRead(resolving(readRequest("links")), "0@links -> gone")
	g.as("bob").wantRead(readRequest("links"), "0@links")
}

// EventStoreDB protocol:
// §3 batched: WrongExpectedVersion is ALREADY_EXISTS, StreamDeleted NOT_FOUND, AccessDenied PERMISSION_DENIED
func TestBatchAppendHasRights(t *testing.T) {
	g := startGuarded(t)
	g.setMetadata("closed", `{"$acl":{"$w":"ada"}}`)
	b := g.as("bob").batch()
	b.send(1, true, batchAny("closed"), uuid.New())
	b.send(2, true, batchAny("open"), uuid.New())
	b.wantError(1, codes.PermissionDenied, &shared.AccessDenied{})
	b.wantSuccess(2, 0)
}

// Groups are made and changed by operators.
func TestGroupsAreMadeByOperators(t *testing.T) {
	g := startGuarded(t)
	create := func(caller string) error {
		_, err := g.groups.Create(g.as(caller).ctx, &persistent.CreateReq{Options: &persistent.CreateReq_Options{
			StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{StreamIdentifier: named("a")}},
			GroupName:    caller, Settings: &persistent.CreateReq_Settings{ReadBatchSize: 1, HistoryBufferSize: 2, LiveBufferSize: 2},
		}})
		return err
	}
	for _, caller := range []string{"root", "otto"} {
		if err := create(caller); err != nil {
			t.Errorf("%s: %v", caller, err)
		}
	}
	g.wantFault(create("ada"), nil, codes.PermissionDenied, "Access Denied")
	_, err := g.groups.RestartSubsystem(g.as("bob").ctx, none)
	g.wantFault(err, nil, codes.PermissionDenied, "Access Denied")
}
