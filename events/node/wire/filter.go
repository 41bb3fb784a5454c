package wire

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
)

// defaultWindow is the window, in events considered, of a filter that leaves
// it to the server.
const defaultWindow = 32

// filter chooses events of $all by the name of their stream or type. The nil
// filter passes all.
type filter struct {
	matches func(name string) bool
	byType  bool
	// interval is how many events a subscription considers from one
	// checkpoint to the next.
	interval uint64
}

func newFilter(options *streams.ReadReq_Options_FilterOptions) (*filter, error) {
	f := &filter{}
	var expression *streams.ReadReq_Options_FilterOptions_Expression
	switch by := options.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		expression = by.StreamIdentifier
	case *streams.ReadReq_Options_FilterOptions_EventType:
		expression, f.byType = by.EventType, true
	default:
		return nil, errInvalid("None", "FilterOptions.Filter")
	}
	var err error
	if f.matches, err = matcher(expression.GetRegex(), expression.GetPrefix()); err != nil {
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

// matcher is a regular expression, found anywhere in the name, or else a set
// of prefixes.
func matcher(expression string, prefixes []string) (func(string) bool, error) {
	if expression != "" {
		compiled, err := regexp.Compile(expression)
		if err != nil {
			return nil, &fault{code: codes.InvalidArgument, text: fmt.Sprintf("'%s' is not a valid regular expression: %v", expression, err)}
		}
		return compiled.MatchString, nil
	}
	return func(name string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}, nil
}

// passes looks at the event that stands in $all, not at what it may link to.
func (f *filter) passes(stream, kind string) bool {
	switch {
	case f == nil:
		return true
	case f.byType:
		return f.matches(kind)
	}
	return f.matches(stream)
}
