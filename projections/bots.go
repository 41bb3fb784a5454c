package projections

import (
	"encoding/json"

	"parley/events"
)

// BotParts are what messages of apps have besides text and files, and what
// people's answers to them have. Each is there only where it applies.
type BotParts struct {
	// Template is the Messenger Platform's payload of a template, such as
	// {"template_type":"button",...}. Text says the same in plain words.
	Template json.RawMessage `json:"template,omitempty" doc:"The payload of a template, as the Messenger Platform has it."`
	// QuickReplies are the answers that are offered.
	QuickReplies json.RawMessage `json:"quickReplies,omitempty" doc:"The answers that are offered, as the Messenger Platform has them."`
	// Persona is the name and face under which the app wrote.
	Persona *events.Persona `json:"persona,omitempty"`
	// QuickReply is which offered answer this is.
	QuickReply *ChosenReply `json:"quickReply,omitempty"`
}

// ChosenReply is the answer that a person chose of those a message offered.
type ChosenReply struct {
	Number  uint64 `json:"number"`
	Payload string `json:"payload"`
}

// appendBotParts appends them in the order and form of json.Marshal.
func appendBotParts(line []byte, posted *events.MessagePosted) ([]byte, error) {
	if posted.Bot == nil && posted.QuickReply == nil || posted.Text.Forgotten {
		return line, nil
	}
	var parts BotParts
	if bot := posted.Bot; bot != nil {
		parts.Template, parts.QuickReplies = rawText(bot.Template), rawText(bot.QuickReplies)
		parts.Persona = bot.Persona
	}
	if chosen := posted.QuickReply; chosen != nil {
		parts.QuickReply = &ChosenReply{chosen.Number, chosen.Payload.Plain}
	}
	text, err := json.Marshal(parts)
	if err != nil || string(text) == "{}" {
		return line, err
	}
	line = append(line, ',')
	return append(line, text[1:len(text)-1]...), nil
}

func rawText(secret events.Secret) json.RawMessage {
	if secret.Plain == "" {
		return nil
	}
	return json.RawMessage(secret.Plain)
}
