package webhooks

import (
	"github.com/google/uuid"

	"parley/events"
)

// envelope is the body of a delivery, as the Messenger Platform has it.
type envelope struct {
	Object string  `json:"object"`
	Entry  []entry `json:"entry"`
}

type entry struct {
	ID        string `json:"id"`
	Time      int64  `json:"time"`
	Messaging []item `json:"messaging,omitempty"`
	Standby   []item `json:"standby,omitempty"`
}

type party struct {
	ID string `json:"id"`
}

// item is one thing that happened. Times are milliseconds since 1970.
type item struct {
	Sender    *party `json:"sender,omitempty"`
	Recipient party  `json:"recipient"`
	Timestamp int64  `json:"timestamp"`
	// EventID is Parley's own: whoever is told twice can tell by it.
	EventID uuid.UUID `json:"event_id"`

	Message  *message   `json:"message,omitempty"`
	Edit     *edit      `json:"message_edit,omitempty"`
	Delivery *watermark `json:"delivery,omitempty"`
	Read     *watermark `json:"read,omitempty"`
	Reaction *reaction  `json:"reaction,omitempty"`
	Optin    *optin     `json:"optin,omitempty"`
	Postback *postback  `json:"postback,omitempty"`
	Order    *order     `json:"order,omitempty"`

	Pass    *handover           `json:"pass_thread_control,omitempty"`
	Take    *handover           `json:"take_thread_control,omitempty"`
	Request *handover           `json:"request_thread_control,omitempty"`
	Roles   map[string][]string `json:"app_roles,omitempty"`
}

type message struct {
	MID         string       `json:"mid"`
	Text        string       `json:"text,omitempty"`
	QuickReply  *quickReply  `json:"quick_reply,omitempty"`
	ReplyTo     *repliedTo   `json:"reply_to,omitempty"`
	Attachments []attachment `json:"attachments,omitempty"`
	IsEcho      bool         `json:"is_echo,omitempty"`
	AppID       string       `json:"app_id,omitempty"`
	Metadata    string       `json:"metadata,omitempty"`
	// IsDeleted: it was taken back, or its writer is forgotten.
	IsDeleted bool `json:"is_deleted,omitempty"`
}

// quickReply is what the app knows the chosen answer by.
type quickReply struct {
	Payload string `json:"payload"`
}

// postback is a button that was pressed: of a message, or of what the page
// offers always.
type postback struct {
	MID     string `json:"mid,omitempty"`
	Title   string `json:"title"`
	Payload string `json:"payload"`
}

type repliedTo struct {
	MID string `json:"mid"`
}

// attachment is a file, or a template of an echo, whose title says the same in
// plain words.
type attachment struct {
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
	// Payload is an attachmentPayload, or the template as it was sent.
	Payload any `json:"payload"`
}

type attachmentPayload struct {
	URL string `json:"url"`
}

type edit struct {
	MID  string `json:"mid"`
	Text string `json:"text"`
}

// watermark: all messages up to this time have reached, or were read.
type watermark struct {
	MIDs      []string `json:"mids,omitempty"`
	Watermark int64    `json:"watermark"`
}

type reaction struct {
	Reaction string `json:"reaction"`
	Emoji    string `json:"emoji"`
	Action   string `json:"action"`
	MID      string `json:"mid"`
}

type optin struct {
	Ref string `json:"ref"`
}

// order is a step of an order: Parley's own, as the platform has none. What
// else there is to know of it, GET /v1/orders/{id} tells.
type order struct {
	ID uuid.UUID `json:"id"`
	// Type is the fact's name, as OrderShipped, and Entry its number in the
	// order's timeline.
	Type     string    `json:"type"`
	Entry    uint64    `json:"entry"`
	Merchant uuid.UUID `json:"merchant_id"`
	Customer uuid.UUID `json:"customer_id"`
}

type handover struct {
	Previous  string `json:"previous_owner_app_id,omitempty"`
	New       string `json:"new_owner_app_id,omitempty"`
	Requested string `json:"requested_owner_app_id,omitempty"`
	Metadata  string `json:"metadata,omitempty"`
}

// reactionNames are the platform's names for emoji; all others are "other".
var reactionNames = map[string]string{
	"😆": "smile", "😠": "angry", "😡": "angry", "😢": "sad", "😮": "wow", "😍": "love", "❤️": "love", "❤": "love", "👍": "like", "👎": "dislike",
}

func reactionOf(emoji, action, mid string) *reaction {
	name := reactionNames[emoji]
	if name == "" {
		name = "other"
	}
	return &reaction{name, emoji, action, mid}
}

// attachmentType is what the platform calls a kind of files.
func attachmentType(kind events.MediaKind) string {
	if kind == events.AnimationMedia {
		return "image"
	}
	return string(kind)
}
