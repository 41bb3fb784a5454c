package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"parley/events"
)

// cluster is members that keep one log, a node's, as if it were replicated
// without delay. They differ in who leads: the others send those who need a
// leader on, and hold back what they had begun to tell them, as a server does
// that was cut off from its cluster while it led.
type cluster struct {
	members []*member

	mu sync.Mutex
	// leader is a member's number, or nobody amid an election.
	leader int
	// changed is closed and replaced when the leader changes.
	changed chan struct{}
}

const nobody = -1

// member is one server of a cluster.
type member struct {
	cluster *cluster
	number  int
	address string
	node    *grpc.ClientConn
	stop    func()
}

// newCluster serves a log by two members, the first of which leads.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	node, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &cluster{changed: make(chan struct{})}
	for number := range 2 {
		c.members = append(c.members, c.join(t, number, node))
	}
	return c
}

func (c *cluster) join(t *testing.T, number int, node *grpc.ClientConn) *member {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &member{cluster: c, number: number, address: listener.Addr().String(), node: node}
	server := grpc.NewServer(grpc.UnknownServiceHandler(m.handle))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	m.stop = sync.OnceFunc(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

func (c *cluster) elect(leader int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leader = leader
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *cluster) state() (leader int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leader, c.changed
}

func (m *member) handle(_ any, call grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(call)
	if method == gossip.Gossip_Read_FullMethodName {
		return m.gossip(call)
	}
	header, _ := metadata.FromIncomingContext(call.Context())
	needsLeader := strings.Contains(strings.Join(header.Get("requires-leader"), ""), "true")
	if needsLeader {
		if err := m.refusal(call); err != nil {
			return err
		}
	}
	return m.forward(call, method, needsLeader)
}

// refusal is what a member that does not lead answers.
func (m *member) refusal(call grpc.ServerStream) error {
	leader, _ := m.cluster.state()
	switch leader {
	case m.number:
		return nil
	case nobody:
		return status.Error(codes.Unknown, "No leader info available in response")
	}
	host, port, err := net.SplitHostPort(m.cluster.members[leader].address)
	if err != nil {
		return err
	}
	call.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
	return status.Error(codes.NotFound, "Leader info available")
}

func (m *member) gossip(call grpc.ServerStream) error {
	leader, _ := m.cluster.state()
	info := new(gossip.ClusterInfo)
	for _, other := range m.cluster.members {
		host, port, err := net.SplitHostPort(other.address)
		if err != nil {
			return err
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return err
		}
		state := gossip.MemberInfo_Follower
		if other.number == leader {
			state = gossip.MemberInfo_Leader
		}
		info.Members = append(info.Members, &gossip.MemberInfo{
			State: state, IsAlive: true, HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(number)},
		})
	}
	return call.SendMsg(info)
}

// forward passes a call on to the node. Empty messages carry any other whole,
// as fields that they do not know.
func (m *member) forward(call grpc.ServerStream, method string, needsLeader bool) error {
	ctx, cancel := context.WithCancel(call.Context())
	defer cancel()
	far, err := m.node.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	go func() {
		for {
			message := new(emptypb.Empty)
			if err := call.RecvMsg(message); err != nil {
				if err != io.EOF || far.CloseSend() != nil {
					cancel()
				}
				return
			}
			if far.SendMsg(message) != nil {
				return // the far side's answer says why
			}
		}
	}()
	for {
		message := new(emptypb.Empty)
		err := far.RecvMsg(message)
		if needsLeader {
			m.holdBack(ctx)
		}
		if err != nil {
			call.SetTrailer(far.Trailer())
			if err == io.EOF {
				return nil
			}
			return err
		}
		if err := call.SendMsg(message); err != nil {
			return err
		}
	}
}

// holdBack waits while the member does not lead.
func (m *member) holdBack(ctx context.Context) {
	for {
		leader, changed := m.cluster.state()
		if leader == m.number {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (c *cluster) seeds() string {
	return fmt.Sprintf("esdb://%s,%s?tls=false", c.members[0].address, c.members[1].address)
}

func (c *cluster) discover() string {
	return fmt.Sprintf("esdb+discover://%s?tls=false", c.members[1].address)
}

// TestLeaderChange has the lead pass from one member to the other, back after
// an election, and on again when the leader dies, while writers write and
// followers follow.
func TestLeaderChange(t *testing.T) {
	for name, connectionString := range map[string]func(*cluster) string{"seeds": (*cluster).seeds, "discover": (*cluster).discover} {
		t.Run(name, func(t *testing.T) {
			leavesNothing(t)
			c := newCluster(t)
			log := openString(t, connectionString(c), Options{Deadline: 500 * time.Millisecond})
			ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
			defer cancel()

			const writers, each, changes = 4, 40, 4
			var followers, writing sync.WaitGroup
			for _, filter := range []events.Filter{{}, {StreamPrefixes: []string{"followed-"}}} {
				followers.Go(func() { followAll(ctx, t, log, filter, writers*each) })
			}
			var steps [changes]chan struct{}
			var reached [changes]sync.WaitGroup
			for i := range changes {
				steps[i] = make(chan struct{})
				reached[i].Add(writers)
			}
			for w := range writers {
				writing.Go(func() {
					for i := range each {
						if step := i * changes / each; i == step*each/changes {
							reached[step].Done()
							<-steps[step]
						}
						appendUntil(ctx, t, log, fmt.Sprintf("followed-%d", w), proposed(i))
					}
				})
			}
			for step, change := range [changes]func(){
				func() {},
				func() { c.elect(1) },
				func() {
					c.elect(nobody)
					for range 2 * writers {
						began := time.Now()
						_, err := log.Append(ctx, "followed-x", events.NoStream, proposed(0))
						wantUnavailable(t, "Append amid an election", err)
						if took := time.Since(began); took > 10*log.deadline {
							t.Errorf("Append amid an election took %s", took)
						}
					}
					c.elect(0)
				},
				func() {
					c.members[0].stop()
					c.elect(1)
				},
			} {
				reached[step].Wait()
				change()
				close(steps[step])
			}
			writing.Wait()
			followers.Wait()
		})
	}
}

// TestReadsFindTheNextLeader has nobody write: reads alone must leave a leader
// that died.
func TestReadsFindTheNextLeader(t *testing.T) {
	leavesNothing(t)
	c := newCluster(t)
	log := openString(t, c.seeds(), Options{})
	mustAppend(t, log, "s-1", proposed(0))
	c.members[0].stop()
	c.elect(1)
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	pause := backoff{}
	for {
		found := 0
		var failure error
		for _, err := range log.Read(ctx, "s-1", 0, events.Forwards, 0) {
			if failure = err; err == nil {
				found++
			}
		}
		if failure == nil {
			if found != 1 {
				t.Errorf("%d events, want 1", found)
			}
			return
		}
		if !errors.Is(failure, events.ErrUnavailable) {
			t.Fatalf("Read: %v, want success or %v", failure, events.ErrUnavailable)
		}
		pause.wait(ctx)
	}
}

// TestFollowIsSentToTheLeader has a follow be the only call of a log that is
// connected to a member which does not lead.
func TestFollowIsSentToTheLeader(t *testing.T) {
	leavesNothing(t)
	c := newCluster(t)
	writer := openString(t, c.seeds(), Options{})
	mustAppend(t, writer, "s-1", proposed(0))
	log := open(t, c.members[1].address, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	for event, err := range log.Follow(ctx, events.Beginning, events.Filter{}) {
		if err != nil || event.Stream != "s-1" {
			t.Fatalf("Follow yields %+v, %v", event, err)
		}
		return
	}
}

// TestFollowLeavesADeposedLeader has a leader lose the lead and keep its
// connections, on which it tells of nothing new.
func TestFollowLeavesADeposedLeader(t *testing.T) {
	leavesNothing(t)
	c := newCluster(t)
	log := openString(t, c.seeds(), Options{})
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	caughtUp, found := make(chan struct{}), make(chan events.Recorded, 1)
	tell := sync.OnceFunc(func() { close(caughtUp) })
	go func() {
		for event, err := range log.Follow(ctx, events.Beginning, events.Filter{}) {
			switch {
			case err != nil:
				t.Errorf("Follow: %v", err)
				close(found)
				return
			case !event.IsMark():
				found <- event
				return
			}
			tell()
		}
	}()
	<-caughtUp
	c.elect(1)
	appendUntil(ctx, t, log, "s-1", proposed(0))
	if event := <-found; event.Stream != "s-1" {
		t.Errorf("Follow yields %+v", event)
	}
}

// TestRefusalsAreNotEmptyStreams holds a read that a server between two leaders
// refuses as not found to an error: an empty stream would be believed.
func TestRefusalsAreNotEmptyStreams(t *testing.T) {
	address, _ := serveRefusals(t, func(call grpc.ServerStream) error {
		if method, _ := grpc.MethodFromServerStream(call); method == streams.Streams_Read_FullMethodName {
			return status.Error(codes.NotFound, "Leader info available")
		}
		return status.Error(codes.Unimplemented, "")
	})
	log := open(t, address, Options{})
	wantUnavailable(t, "Read", lastError(log.Read(t.Context(), "s-1", 0, events.Forwards, 0)))
}
