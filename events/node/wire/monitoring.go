package wire

import (
	"context"
	"maps"
	"os"
	"runtime/metrics"
	"slices"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"parley/events/node"
)

// The Go client has no stubs of the protocol's Monitoring service, whose one
// call is described here: StatsReq{use_metadata 1, refresh_time_period_in_ms 4}
// is answered by a stream of StatsResp{map<string, string> stats 1}.
const (
	monitoringName     = "event_store.client.monitoring.Monitoring"
	statsName          = "Stats"
	fieldRefreshPeriod = 4
	fieldStats         = 1
)

// minStatsPeriod is how often statistics are sent at most.
const minStatsPeriod = 10 * time.Millisecond

// monitoringService tells how the server is doing.
type monitoringService struct {
	node  *node.Node
	began time.Time
	// stopping is done when statistics are to end.
	stopping context.Context
}

func (s *monitoringService) description() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: monitoringName,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName:    statsName,
			ServerStreams: true,
			Handler:       func(_ any, call grpc.ServerStream) error { return s.stats(call) },
		}},
	}
}

// stats sends the statistics at once, and then once in a period.
func (s *monitoringService) stats(call grpc.ServerStream) error {
	request := new(shared.Empty)
	if err := call.RecvMsg(request); err != nil {
		return err
	}
	period, err := refreshPeriod(request.ProtoReflect().GetUnknown())
	if err != nil {
		return err
	}
	ticker := time.NewTicker(max(period, minStatsPeriod))
	defer ticker.Stop()
	for {
		message := s.encode()
		if err := call.SendMsg(&message); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-call.Context().Done():
			return call.Context().Err()
		case <-s.stopping.Done():
			return errNotReady
		}
	}
}

// refreshPeriod reads the period out of the fields of a StatsReq.
func refreshPeriod(fields []byte) (period time.Duration, err error) {
	for len(fields) > 0 {
		number, kind, size := protowire.ConsumeTag(fields)
		if size < 0 {
			return 0, errInvalid("StatsReq", "message")
		}
		fields = fields[size:]
		if number == fieldRefreshPeriod && kind == protowire.VarintType {
			if millis, size := protowire.ConsumeVarint(fields); size > 0 {
				period = time.Duration(min(millis, maxRefreshMillis)) * time.Millisecond
			}
		}
		if size = protowire.ConsumeFieldValue(number, kind, fields); size < 0 {
			return 0, errInvalid("StatsReq", "message")
		}
		fields = fields[size:]
	}
	return period, nil
}

// maxRefreshMillis is a day.
const maxRefreshMillis = 24 * 60 * 60 * 1000

func (s *monitoringService) encode() (message encoded) {
	values := s.values()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		message = appendEntry(message, fieldStats, name, values[name])
	}
	return message
}

// values are the statistics, under EventStoreDB's names where it has some.
func (s *monitoringService) values() map[string]string {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/sched/gomaxprocs:threads"}}
	metrics.Read(held)
	return map[string]string{
		"proc-id":            strconv.Itoa(os.Getpid()),
		"proc-startTime":     s.began.UTC().Format(time.RFC3339Nano),
		"proc-mem":           strconv.FormatUint(held[0].Value.Uint64(), 10),
		"parley-processors":  strconv.FormatUint(held[1].Value.Uint64(), 10),
		"parley-logPosition": strconv.FormatUint(uint64(s.node.Tip()), 10),
	}
}
