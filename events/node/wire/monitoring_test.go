package wire

import (
	"strconv"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// statsOf reads the map in a StatsResp, which was received as a message that
// knows none of its fields.
func statsOf(t *testing.T, response *shared.Empty) map[string]string {
	t.Helper()
	stats := map[string]string{}
	for fields := response.ProtoReflect().GetUnknown(); len(fields) > 0; {
		number, _, tag := protowire.ConsumeTag(fields)
		entry, size := protowire.ConsumeBytes(fields[tag:])
		if number != 1 || size < 0 {
			t.Fatalf("statistics %x", fields)
		}
		_, _, inner := protowire.ConsumeTag(entry)
		name, length := protowire.ConsumeString(entry[inner:])
		rest := entry[inner+length:]
		_, _, inner = protowire.ConsumeTag(rest)
		stats[name], _ = protowire.ConsumeString(rest[inner:])
		fields = fields[tag+size:]
	}
	return stats
}

// EventStoreDB protocol:
// §8 statistics are a map of texts, sent at once and in every period that is asked for
func TestStats(t *testing.T) {
	s := start(t, Options{})
	call, err := s.conn.NewStream(s.ctx, &grpc.StreamDesc{ServerStreams: true}, "/event_store.client.monitoring.Monitoring/Stats")
	if err != nil {
		t.Fatal(err)
	}
	request := new(shared.Empty)
	period := protowire.AppendVarint(protowire.AppendTag([]byte{1 << 3, 1}, 4, protowire.VarintType), 20)
	request.ProtoReflect().SetUnknown(period)
	if err := call.SendMsg(request); err != nil {
		t.Fatal(err)
	}
	if err := call.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.write("a", "T", 1)
		written := s.node.Tip()
		// What was sent before the event may be on its way still.
		for position := uint64(0); position < uint64(written); {
			response := new(shared.Empty)
			if err := call.RecvMsg(response); err != nil {
				t.Fatal(err)
			}
			stats := statsOf(t, response)
			if position, err = strconv.ParseUint(stats["parley-logPosition"], 10, 64); err != nil || stats["proc-mem"] == "" {
				t.Fatalf("statistics %v, %v", stats, err)
			}
		}
	}
	if err := s.server.Shutdown(s.ctx); err != nil {
		t.Error(err)
	}
	for err = nil; err == nil; {
		err = call.RecvMsg(new(shared.Empty))
	}
	s.wantFault(err, nil, codes.Unavailable, "Server Is Not Ready")
}

func TestStatsOfNonsense(t *testing.T) {
	for _, fields := range [][]byte{{0xff}, {4 << 3}, {4 << 3, 0x80}, {2<<3 | 2, 9}} {
		if _, err := refreshPeriod(fields); err == nil {
			t.Errorf("%x is taken for a request", fields)
		}
	}
}
