package messenger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	maxElements     = 10
	leastListed     = 2
	maxListed       = 4
	maxButtons      = 3
	maxElementTitle = 80
	maxButtonText   = 640
)

// at names an item of a list.
func at(param string, i int) string { return fmt.Sprintf("%s[%d]", param, i) }

func checkLength(param, text string, most int) error {
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return invalid(param, "is required")
	case n > most:
		return invalid(param, "must have at most %d characters, but has %d", most, n)
	}
	return nil
}

func checkTitle(param, title string) error { return checkLength(param, title, maxTitle) }

// checkLink refuses what is no http or https URL.
func checkLink(param, link string, required bool) error {
	if link == "" && !required {
		return nil
	}
	if err := checkLength(param, link, maxURL); err != nil {
		return err
	}
	if u, err := url.Parse(link); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return invalid(param, "must be an http or https URL")
	}
	return nil
}

// templateBody is a template on the wire, as far as it is checked. What else
// it has is kept with it.
type templateBody struct {
	TemplateType string        `json:"template_type"`
	Text         flexText      `json:"text"`
	TopStyle     string        `json:"top_element_style"`
	Buttons      []buttonBody  `json:"buttons"`
	Elements     []elementBody `json:"elements"`
}

type elementBody struct {
	Title        flexText     `json:"title"`
	Subtitle     flexText     `json:"subtitle"`
	ImageURL     string       `json:"image_url"`
	Buttons      []buttonBody `json:"buttons"`
	MediaType    string       `json:"media_type"`
	AttachmentID flexText     `json:"attachment_id"`
	URL          string       `json:"url"`
	Default      *buttonBody  `json:"default_action"`
}

type buttonBody struct {
	Type    string   `json:"type"`
	Title   flexText `json:"title"`
	Payload flexText `json:"payload"`
	URL     string   `json:"url"`
}

const payloadParam = "message.attachment.payload"

// readTemplate checks a template and makes it the message's.
func (m *message) readTemplate(payload json.RawMessage) error {
	if len(payload) == 0 {
		return invalid(payloadParam, "is required")
	}
	var kind struct {
		TemplateType string `json:"template_type"`
	}
	if err := json.Unmarshal(payload, &kind); err != nil {
		return misread(payloadParam, err)
	}
	if kind.TemplateType == "receipt" {
		var err error
		m.receipt, err = readReceipt(payload)
		return err
	}
	var body templateBody
	if err := json.Unmarshal(payload, &body); err != nil {
		return misread(payloadParam, err)
	}
	var err error
	switch body.TemplateType {
	case "generic":
		m.text, err = body.checkGeneric()
	case "button":
		m.text, err = body.checkButtons()
	case "media":
		m.file, err = body.checkMedia()
	case "list":
		m.text, err = body.checkList()
	case "open_graph":
		m.text, err = body.checkOpenGraph()
	default:
		return invalid(payloadParam+".template_type", "must be one of {button, generic, list, media, open_graph, receipt}")
	}
	if err != nil {
		return err
	}
	m.template, err = canonical(payload)
	return err
}

// canonical writes JSON as json.Marshal does, and numbers as they were.
func canonical(text []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	written, err := json.Marshal(value)
	return string(written), err
}

// checkGeneric also tells what the template says in plain words.
func (b *templateBody) checkGeneric() (string, error) {
	if len(b.Elements) == 0 || len(b.Elements) > maxElements {
		return "", invalid(payloadParam+".elements", "must be 1 to %d", maxElements)
	}
	return b.checkElements(maxButtons)
}

// checkElements also tells what the elements say in plain words.
func (b *templateBody) checkElements(buttonsEach int) (string, error) {
	var lines []string
	for i, element := range b.Elements {
		param := at(payloadParam+".elements", i)
		if err := element.check(param, buttonsEach); err != nil {
			return "", err
		}
		line := string(element.Title)
		if element.Subtitle != "" {
			line += " – " + string(element.Subtitle)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

// checkList is of a template that the platform has retired, and that old bots
// still send.
func (b *templateBody) checkList() (string, error) {
	if len(b.Elements) < leastListed || len(b.Elements) > maxListed {
		return "", invalid(payloadParam+".elements", "must be %d to %d", leastListed, maxListed)
	}
	switch b.TopStyle {
	case "compact":
	case "", "large":
		if b.Elements[0].ImageURL == "" {
			return "", invalid(payloadParam+".elements[0].image_url", "is required unless top_element_style is compact")
		}
	default:
		return "", invalid(payloadParam+".top_element_style", "must be one of {compact, large}")
	}
	if err := checkAll(payloadParam+".buttons", b.Buttons, 1); err != nil {
		return "", err
	}
	return b.checkElements(1)
}

// checkOpenGraph is of a template that shows what an address tells of itself.
// The address is not asked: it stands for itself.
func (b *templateBody) checkOpenGraph() (string, error) {
	if len(b.Elements) != 1 {
		return "", invalid(payloadParam+".elements", "must be one")
	}
	element, param := &b.Elements[0], at(payloadParam+".elements", 0)
	if err := checkLink(param+".url", element.URL, true); err != nil {
		return "", err
	}
	return element.URL, checkAll(param+".buttons", element.Buttons, maxButtons)
}

func (e *elementBody) check(param string, buttons int) error {
	if err := checkLength(param+".title", string(e.Title), maxElementTitle); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(string(e.Subtitle)); n > maxElementTitle {
		return invalid(param+".subtitle", "must have at most %d characters, but has %d", maxElementTitle, n)
	}
	if err := checkLink(param+".image_url", e.ImageURL, false); err != nil {
		return err
	}
	if e.Default != nil {
		if err := checkLink(param+".default_action.url", e.Default.URL, true); err != nil {
			return err
		}
	}
	return checkAll(param+".buttons", e.Buttons, buttons)
}

func (b *templateBody) checkButtons() (string, error) {
	if err := checkLength(payloadParam+".text", string(b.Text), maxButtonText); err != nil {
		return "", err
	}
	if len(b.Buttons) == 0 {
		return "", invalid(payloadParam+".buttons", "must be 1 to %d", maxButtons)
	}
	return string(b.Text), checkAll(payloadParam+".buttons", b.Buttons, maxButtons)
}

func (b *templateBody) checkMedia() (*fileSource, error) {
	if len(b.Elements) != 1 {
		return nil, invalid(payloadParam+".elements", "must be one")
	}
	element, param := &b.Elements[0], at(payloadParam+".elements", 0)
	if element.MediaType != "image" && element.MediaType != "video" {
		return nil, invalid(param+".media_type", "must be one of {image, video}")
	}
	if (element.AttachmentID == "") == (element.URL == "") {
		return nil, invalid(param, "must have one of attachment_id and url")
	}
	return &fileSource{kind: element.MediaType, id: string(element.AttachmentID), url: element.URL}, checkAll(param+".buttons", element.Buttons, maxButtons)
}

func checkAll(param string, buttons []buttonBody, most int) error {
	if len(buttons) > most {
		return invalid(param, "must be at most %d", most)
	}
	for i, button := range buttons {
		if err := button.check(at(param, i)); err != nil {
			return err
		}
	}
	return nil
}

func (b *buttonBody) check(param string) error {
	switch b.Type {
	case "account_unlink", "element_share", "game_play":
		return nil
	case "account_link":
		return checkLink(param+".url", b.URL, true)
	case "web_url":
		if err := checkTitle(param+".title", string(b.Title)); err != nil {
			return err
		}
		return checkLink(param+".url", b.URL, true)
	case "postback", "phone_number":
		if err := checkTitle(param+".title", string(b.Title)); err != nil {
			return err
		}
		return checkLength(param+".payload", string(b.Payload), maxPayload)
	}
	return invalid(param+".type", "must be one of {account_link, account_unlink, element_share, game_play, phone_number, postback, web_url}")
}
