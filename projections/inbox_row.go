package projections

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// inboxRow is a conversation's row and its viewer's marker. It holds until the
// next row is read.
type inboxRow struct {
	id           sql.RawBytes
	kind         string
	title        string
	startedAt    sql.RawBytes
	participants int64
	messages     int64
	lastRun      sql.RawBytes
	pinned       sql.RawBytes
	merchant     sql.RawBytes
	readUpTo     int64
	mentioned    int64
	preferences
}

func (r *inboxRow) columns() []any {
	return []any{&r.id, &r.kind, &r.title, &r.startedAt, &r.participants, &r.messages, &r.lastRun, &r.pinned, &r.merchant,
		&r.readUpTo, &r.archived, &r.mutedUntil, &r.mentioned}
}

// shape is the conversation without its participants.
func (r *inboxRow) shape(now time.Time) (shape Conversation, err error) {
	line, err := r.append(nil, nil, now)
	if err != nil {
		return shape, err
	}
	if err := json.Unmarshal(line, &shape); err != nil {
		return shape, fmt.Errorf("a conversation in the view: %w", err)
	}
	return shape, nil
}

// append appends the JSON of the conversation, whose participants are given
// with commas between them, as json.Marshal writes it.
func (r *inboxRow) append(line, crew []byte, now time.Time) ([]byte, error) {
	id, err := idFrom(r.id)
	if err != nil {
		return nil, err
	}
	merchant, err := optionalIDFrom(r.merchant)
	if err != nil {
		return nil, err
	}
	last := lastLine(r.lastRun)
	if line == nil {
		line = make([]byte, 0, len(last)+len(crew)+len(r.title)+2*answerBytes)
	}
	line = appendID(append(line, `{"id":`...), id)
	line = append(append(append(line, `,"kind":"`...), r.kind...), '"')
	if line, err = appendText(append(line, `,"title":`...), r.title); err != nil {
		return nil, err
	}
	line = append(append(append(line, `,"participants":[`...), crew...), ']')
	line = strconv.AppendInt(append(line, `,"participantCount":`...), r.participants, 10)
	line = strconv.AppendInt(append(line, `,"messageCount":`...), r.messages, 10)
	line = append(line, `,"lastMessage":`...)
	if len(last) == 0 {
		line = append(line, "null"...)
	}
	line = append(line, last...)
	line = strconv.AppendInt(append(line, `,"unread":`...), r.messages-r.readUpTo, 10)
	line = strconv.AppendInt(append(line, `,"mentioned":`...), r.mentioned, 10)
	line = append(append(append(line, `,"startedAt":"`...), r.startedAt...), '"')
	line = append(append(line, `,"pinned":`...), r.pinned...)
	line = r.appendPreferences(line, now)
	line = append(line, `,"merchantId":`...)
	if merchant == nil {
		return append(line, "null}"...), nil
	}
	return append(appendID(line, *merchant), '}'), nil
}

// appendPreferences appends what the viewer's own row says.
func (r *inboxRow) appendPreferences(line []byte, now time.Time) []byte {
	muted, until := r.muted(now)
	line = append(strconv.AppendBool(append(line, `,"muted":`...), muted), `,"mutedUntil":`...)
	if until == nil {
		line = append(line, "null"...)
	} else {
		line = append(until.AppendFormat(append(line, '"'), time.RFC3339Nano), '"')
	}
	return strconv.AppendBool(append(line, `,"archived":`...), r.archived >= r.messages)
}
