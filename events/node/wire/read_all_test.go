package wire

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/events"
)

// EventStoreDB protocol:
// §4 forwards from the end is nothing; backwards from the end begins at the last event
// §4 backwards from the start, a stream has revision 0 alone and $all nothing
// §4 $all is read from its position, included forwards and excluded backwards
// §4 a resolved link comes with its target, or without one that is missing, truncated, expired or in a deleted stream
// §4 $all has every event: metadata, links, what was deleted or truncated, and tombstones
func TestReadAll(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 2)         // positions 1, 2
	s.setMetadata("a", `{}`)     // 3
	s.link("links", 0, "a")      // 4
	last := s.write("b", "T", 1) // 5
	all := []string{"0@a", "1@a", "0@$$a", "0@links", "0@b"}
	s.wantRead(readAllRequest(), all...)
	s.wantRead(counted(readAllRequest(), 2), all[:2]...)
	s.wantRead(counted(readAllRequest(), 0))
	s.wantRead(position(readAllRequest(), 4), all[3:]...)
	s.wantRead(position(readAllRequest(), last.Position+9))
	s.wantRead(fromEnd(readAllRequest()))
	s.wantRead(backwards(fromEnd(readAllRequest())), "0@b", "0@links", "0@$$a", "1@a", "0@a")
	s.wantRead(backwards(position(readAllRequest(), 3)), "1@a", "0@a")
	s.wantRead(backwards(readAllRequest()))
	s.wantRead(resolving(position(readAllRequest(), 4)), "0@links -> 0@a", "0@b")

	if _, err := s.node.Tombstone(s.ctx, "a", events.Any); err != nil {
		t.Fatal(err)
	}
	s.wantRead(readAllRequest(), append(all, "9223372036854775807@a")...)
	s.wantRead(resolving(counted(position(readAllRequest(), 4), 1)), "0@links -> gone")
}

// EventStoreDB protocol:
// §4 $all lacks $epoch-information and the checkpoints and parked events of groups on $all
func TestReadAllHidesItsOwnBookkeeping(t *testing.T) {
	s := start(t, Options{})
	s.write("$epoch-information", "$epoch", 1)
	s.write("$persistentsubscription-$all::group-checkpoint", "$SubscriptionCheckpoint", 1)
	s.write("$persistentsubscription-$all::group-parked", "$>", 1)
	s.write("$persistentsubscription-orders::group-checkpoint", "$SubscriptionCheckpoint", 1)
	s.wantRead(readAllRequest(), "0@$persistentsubscription-orders::group-checkpoint")
	s.wantRead(readRequest("$epoch-information"), "0@$epoch-information")
}

// EventStoreDB protocol:
// §4 a filter looks at the stream or the type of the original, for one of its prefixes
// §4 a filter's regular expression may match anywhere, and goes before its prefixes
// §4 a window is no limit to what a read finds
func TestReadAllFiltered(t *testing.T) {
	s := start(t, Options{})
	s.write("order-1", "Placed", 2)
	s.write("user-1", "Registered", 2)
	s.link("links", 0, "order-1")
	s.write("order-2", "Placed", 1)
	orders := []string{"0@order-1", "1@order-1", "0@order-2"}
	s.wantRead(filtered(readAllRequest(), prefixes("order-", "x"), 32, 1), orders...)
	s.wantRead(resolving(filtered(readAllRequest(), prefixes("order-"), 32, 1)), orders...)
	s.wantRead(counted(filtered(readAllRequest(), prefixes("order-"), 1, 1), 2), orders[:2]...)
	s.wantRead(backwards(fromEnd(filtered(readAllRequest(), prefixes("order-"), 32, 1))), "0@order-2", "1@order-1", "0@order-1")
	s.wantRead(filtered(readAllRequest(), &streams.ReadReq_Options_FilterOptions_Expression{Regex: "er-1$"}, 32, 1),
		"0@order-1", "1@order-1", "0@user-1", "1@user-1")
	s.wantRead(filtered(readAllRequest(), &streams.ReadReq_Options_FilterOptions_Expression{Regex: "2$", Prefix: []string{"user"}}, 32, 1), "0@order-2")
	byType := filtered(readAllRequest(), nil, 32, 1)
	byType.GetFilter().Filter = &streams.ReadReq_Options_FilterOptions_EventType{EventType: prefixes("Reg", "$>")}
	s.wantRead(byType, "0@user-1", "1@user-1", "0@links")
}

// EventStoreDB protocol:
// §2 a bad argument is INVALID_ARGUMENT "'X' is not a valid T"
// §2 a missing option is INVALID_ARGUMENT "`uuidOption` is a required argument of type T"
// §2 options that do not go together are INVALID_ARGUMENT "The combination of (A, B, C, D) is invalid."
// §2 a subscription to $all from a position that is none is INVALID_ARGUMENT "Trying to read from an invalid position."
// §2 what the server does not foresee is UNKNOWN "Exception was thrown by handler."
// §4 a subscription looks only forwards, and a filter only at $all
// §4 a regular expression that is not understood, and a filter without a window, is INVALID_ARGUMENT
// §4 any position is a bound for a read of $all; a commit position before the prepare position is UNKNOWN
// §4 a filtered subscription with a multiplier of 0 is UNKNOWN
func TestReadRefusals(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 1)
	withoutID := readRequest("a")
	withoutID.UuidOption = nil
	withoutWindow := filtered(readAllRequest(), prefixes("a"), 1, 1)
	withoutWindow.GetFilter().Window = nil
	backwardsOnTime := position(readAllRequest(), 1)
	backwardsOnTime.GetAll().GetPosition().PreparePosition = 2
	withoutStart := readRequest("a")
	withoutStart.GetStream().RevisionOption = nil
	for name, try := range map[string]struct {
		options *streams.ReadReq_Options
		code    codes.Code
		text    string
	}{
		"no form of ids":                   {withoutID, codes.InvalidArgument, "`uuidOption` is a required argument of type UUIDOption"},
		"a subscription backwards":         {subscribing(backwards(readAllRequest())), codes.InvalidArgument, "The combination of (All, Subscription, Backwards, NoFilter) is invalid."},
		"a filter on a stream":             {filtered(readRequest("a"), prefixes("a"), 1, 1), codes.InvalidArgument, "The combination of (Stream, Count, Forwards, Filter) is invalid."},
		"no window":                        {withoutWindow, codes.InvalidArgument, "'None' is not a valid FilterOptions.Window"},
		"no start":                         {withoutStart, codes.InvalidArgument, "'None' is not a valid RevisionOption"},
		"commit before prepare":            {backwardsOnTime, codes.Unknown, "Exception was thrown by handler."},
		"no checkpoint interval":           {subscribing(filtered(readAllRequest(), prefixes("a"), 32, 0)), codes.Unknown, "Exception was thrown by handler."},
		"a subscription beyond the log":    {subscribing(position(readAllRequest(), 99)), codes.InvalidArgument, "Trying to read from an invalid position."},
		"a revision that is out of bounds": {revision(readRequest("a"), 1<<63), codes.InvalidArgument, "'9223372036854775808' is not a valid StreamRevision"},
		"a stream without a name":          {readRequest(""), codes.Unknown, "Exception was thrown by handler."},
	} {
		t.Run(name, func(t *testing.T) {
			_, trailer, err := s.read(try.options)
			s.wantFault(err, trailer, try.code, try.text)
		})
	}
	_, _, err := s.read(filtered(readAllRequest(), &streams.ReadReq_Options_FilterOptions_Expression{Regex: "(?=x)"}, 1, 1))
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a regular expression that is not supported: %v", err)
	}
}

// EventStoreDB protocol:
// §4 a filter that is not set is none
// §4 a count of 0 reads nothing
// §4 any position is a bound for a read of $all; a commit position before the prepare position is UNKNOWN
func TestReadAllBounds(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 2)
	s.wantRead(counted(readAllRequest(), 0))
	unset := readAllRequest()
	unset.FilterOption = nil
	s.wantRead(unset, "0@a", "1@a")
	s.wantRead(position(readAllRequest(), 99))
	s.wantRead(backwards(position(readAllRequest(), 99)), "1@a", "0@a")
}
