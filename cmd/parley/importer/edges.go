package importer

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// toOneself are the lines whose two ends are one person; a conversation has
// two.
const toOneself = "to oneself"

// These do not repeat the line, which may be anything.
var (
	errNotThree = errors.New("not three fields SRC DST UNIXTIME")
	errNotCount = errors.New("SRC and DST must be numbers from 0 on")
	errNotUnix  = errors.New("UNIXTIME must be a number of seconds")
)

// parseEdge reads SRC DST UNIXTIME, separated by blanks.
func parseEdge(line string, number int) (entry, error) {
	source, rest := cutField(line)
	if source == "" || source[0] == '#' {
		return entry{}, nil
	}
	target, rest := cutField(rest)
	second, rest := cutField(rest)
	if extra, _ := cutField(rest); second == "" || extra != "" {
		return entry{}, errNotThree
	}
	for _, id := range []string{source, target} {
		if _, err := strconv.ParseUint(id, 10, 64); err != nil {
			return entry{}, errNotCount
		}
	}
	unix, err := strconv.ParseInt(second, 10, 64)
	if err != nil {
		return entry{}, errNotUnix
	}
	at := time.Unix(unix, 0).UTC()
	if err := checkTime(at); err != nil {
		return entry{}, err
	}
	if source == target {
		return entry{passed: toOneself}, nil
	}
	return entry{at: at, from: "u" + source, to: "u" + target, text: "#" + strconv.Itoa(number)}, nil
}

const blanks = " \t\r"

func cutField(line string) (field, rest string) {
	line = strings.TrimLeft(line, blanks)
	if end := strings.IndexAny(line, blanks); end >= 0 {
		return line[:end], line[end:]
	}
	return line, ""
}
