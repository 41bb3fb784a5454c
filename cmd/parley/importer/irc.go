package importer

import (
	"errors"
	"strings"
	"time"
)

// The kinds of lines in an IRC log that nobody said.
const (
	joined  = "joins"
	left    = "leaves"
	renamed = "new nicks"
	noticed = "notices"
)

// These do not repeat the line, which may be anything.
var (
	errNoDate = errors.New("it does not begin with a room and a date YYYY-MM-DD")
	errNoTime = errors.New("no time [HH:MM] or [HH:MM:SS] after the date")
	errNobody = errors.New("neither <nick> text, nor * nick does, nor a notice")
)

// parseIRC reads ROOM DATE followed by [TIME] and what was said, or by "===",
// or "-nick-", and a notice.
func parseIRC(line string, _ int) (entry, error) {
	if strings.TrimSpace(line) == "" {
		return entry{}, nil
	}
	room, rest, found := strings.Cut(line, " ")
	date, rest, dated := strings.Cut(rest, " ")
	day, err := time.Parse(time.DateOnly, date)
	if !found || !dated || room == "" || err != nil {
		return entry{}, errNoDate
	}
	if err := checkTime(day); err != nil {
		return entry{}, err
	}
	rest = strings.TrimSpace(rest)
	if notice, ok := strings.CutPrefix(rest, "==="); ok {
		return entry{passed: noticeKind(notice)}, nil
	}
	hour, rest, err := cutTime(rest)
	if err != nil {
		return entry{}, err
	}
	e, err := parseSaid(rest)
	if err != nil || e.passed != "" {
		return e, err
	}
	e.room, e.at = room, day.Add(hour)
	return e, nil
}

// cutTime takes [HH:MM] or [HH:MM:SS] off, as the time since midnight.
func cutTime(rest string) (time.Duration, string, error) {
	text, rest, closed := strings.Cut(rest, "]")
	text, opened := strings.CutPrefix(text, "[")
	if !opened || !closed {
		return 0, "", errNoTime
	}
	layout := time.TimeOnly
	if strings.Count(text, ":") == 1 {
		layout = "15:04"
	}
	at, err := time.Parse(layout, text)
	if err != nil {
		return 0, "", errNoTime
	}
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return at.Sub(midnight), strings.TrimSpace(rest), nil
}

// parseSaid reads what stands after the time.
func parseSaid(said string) (entry, error) {
	if quoted, ok := strings.CutPrefix(said, "<"); ok {
		nick, text, closed := strings.Cut(quoted, ">")
		if !closed {
			return entry{}, errNobody
		}
		return spoken(nick, strings.TrimSpace(text))
	}
	if action, ok := strings.CutPrefix(said, "*"); ok {
		action = strings.TrimSpace(action)
		end := strings.IndexAny(action, " \t")
		if end < 0 {
			return entry{}, errNobody
		}
		return spoken(action[:end], "/me "+strings.TrimSpace(action[end:]))
	}
	if nick, _ := cutField(said); len(nick) > 2 && nick[0] == '-' && nick[len(nick)-1] == '-' {
		return entry{passed: noticed}, nil
	}
	if notice, ok := strings.CutPrefix(said, "==="); ok {
		return entry{passed: noticeKind(notice)}, nil
	}
	return entry{}, errNobody
}

// spoken leaves out the sign of rank that some clients put before a nick.
func spoken(nick, text string) (entry, error) {
	nick = strings.TrimLeft(nick, " @+%&~")
	if nick == "" || strings.HasPrefix(nick, "*") {
		return entry{}, errNobody
	}
	return entry{from: nick, text: text}, nil
}

func noticeKind(notice string) string {
	switch {
	case strings.Contains(notice, " has joined #"):
		return joined
	case strings.Contains(notice, " has left #"), strings.Contains(notice, " has quit"):
		return left
	case strings.Contains(notice, " is now known as "):
		return renamed
	}
	return noticed
}
