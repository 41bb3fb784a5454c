package wire

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"

	"parley/events/node"
)

// defaultWindow is the window, in events considered, of a filter that leaves
// it to the server.
const defaultWindow = 32

// filter chooses events of $all by the name of their stream or type. The nil
// filter passes all.
type filter struct {
	matches func(stream, kind string) bool
	// interval is how many events a subscription considers from one
	// checkpoint to the next.
	interval uint64
}

func newFilter(options *streams.ReadReq_Options_FilterOptions) (*filter, error) {
	f := &filter{}
	var expression *streams.ReadReq_Options_FilterOptions_Expression
	byType := false
	switch by := options.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		expression = by.StreamIdentifier
	case *streams.ReadReq_Options_FilterOptions_EventType:
		expression, byType = by.EventType, true
	default:
		return nil, errInvalid("None", "FilterOptions.Filter")
	}
	var err error
	if _, f.matches, err = matchOf(expression, byType); err != nil {
		return nil, err
	}
	window := uint64(defaultWindow)
	switch w := options.GetWindow().(type) {
	case *streams.ReadReq_Options_FilterOptions_Max:
		window = uint64(w.Max)
	case *streams.ReadReq_Options_FilterOptions_Count:
	default:
		return nil, errInvalid("None", "FilterOptions.Window")
	}
	f.interval = window * uint64(options.GetCheckpointIntervalMultiplier())
	return f, nil
}

// matchOf reads an expression and how it is to be compared.
func matchOf(expression expression, byType bool) (node.Match, func(stream, kind string) bool, error) {
	match := node.Match{ByType: byType, Regex: expression.GetRegex(), Prefixes: expression.GetPrefix()}
	passes, err := match.Compile()
	if err != nil {
		return match, nil, &fault{code: codes.InvalidArgument, text: err.Error()}
	}
	return match, passes, nil
}

// expression is how Streams and PersistentSubscriptions send one.
type expression interface {
	GetRegex() string
	GetPrefix() []string
}

// passes looks at the event that stands in $all, not at what it may link to.
func (f *filter) passes(stream, kind string) bool { return f == nil || f.matches(stream, kind) }
