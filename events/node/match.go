package node

import (
	"fmt"
	"regexp"
	"strings"
)

// Match chooses events by the name of their stream, or of their type: those in
// which a regular expression is found or, without one, those with one of the
// prefixes.
type Match struct {
	ByType   bool     `json:"byType,omitempty"`
	Regex    string   `json:"regex,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
}

// Compile makes a match usable. The error says what is wrong with the regular
// expression.
func (m Match) Compile() (func(stream, kind string) bool, error) {
	matches := m.hasPrefix
	if m.Regex != "" {
		compiled, err := regexp.Compile(m.Regex)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not a valid regular expression: %w", m.Regex, err)
		}
		matches = compiled.MatchString
	}
	if m.ByType {
		return func(_, kind string) bool { return matches(kind) }, nil
	}
	return func(stream, _ string) bool { return matches(stream) }, nil
}

func (m Match) hasPrefix(name string) bool {
	for _, prefix := range m.Prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

const (
	subscriptionPrefixAll = "$persistentsubscription-" + AllStream + "::"
	checkpointSuffix      = "-checkpoint"
	parkedSuffix          = "-parked"
	epochStream           = "$epoch-information"
)

// HiddenFromAll tells the streams whose events are not part of $all, because
// a persistent subscription to $all would be fed by its own bookkeeping.
func HiddenFromAll(stream string) bool {
	if len(stream) == 0 || stream[0] != '$' {
		return false
	}
	if stream == epochStream {
		return true
	}
	return strings.HasPrefix(stream, subscriptionPrefixAll) &&
		(strings.HasSuffix(stream, checkpointSuffix) || strings.HasSuffix(stream, parkedSuffix))
}
