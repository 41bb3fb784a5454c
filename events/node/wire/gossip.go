package wire

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
)

// gossipService tells clients of a cluster of one: this server, its leader.
type gossipService struct {
	gossip.UnimplementedGossipServer
	instance uuid.UUID

	mu sync.Mutex
	// advertised is the host:port that clients can reach.
	advertised string
}

func newGossipService(advertise string) *gossipService {
	return &gossipService{instance: uuid.New(), advertised: advertise}
}

func (g *gossipService) listensOn(address net.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.advertised == "" {
		g.advertised = address.String()
	}
}

func (g *gossipService) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	g.mu.Lock()
	advertised := g.advertised
	g.mu.Unlock()
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId:   structuredID(g.instance),
		TimeStamp:    ticks(time.Now()),
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: endPoint(advertised),
	}}}, nil
}

// endPoint splits host:port; a socket's path is an address without a port.
func endPoint(advertised string) *gossip.EndPoint {
	host, port, err := net.SplitHostPort(advertised)
	if err != nil {
		return &gossip.EndPoint{Address: advertised}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return &gossip.EndPoint{Address: advertised}
	}
	return &gossip.EndPoint{Address: host, Port: uint32(number)}
}
