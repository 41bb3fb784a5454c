package messenger

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/events/media"
)

const (
	// maxParams bounds a body without a file, and maxForm one with a file.
	maxParams = 512 << 10
	maxForm   = media.MaxBytes + maxParams
	// heldForm is how much of a file is held in memory; the rest waits in a
	// temporary file.
	heldForm = 1 << 20
)

var errBodyUnread = errors.New("the body could not be read")

// params are a request's parameters, by name: those of its query, and those of
// its body over them. A body is JSON, urlencoded or multipart. In a form, what
// is not JSON is a text.
type params struct {
	values map[string]json.RawMessage
	form   *multipart.Form
}

func (p params) close() {
	if p.form != nil {
		_ = p.form.RemoveAll() // what is left, the system's cleaning takes
	}
}

// file is the file that was sent along.
func (p params) file() (*multipart.FileHeader, bool) {
	if p.form == nil || len(p.form.File["filedata"]) == 0 {
		return nil, false
	}
	return p.form.File["filedata"][0], true
}

// read reads a request's parameters.
func (a *API) read(w http.ResponseWriter, r *http.Request) (params, error) {
	p := params{values: make(map[string]json.RawMessage)}
	p.addForm(r.URL.Query())
	if r.Method == http.MethodGet {
		return p, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return p, invalid("body", "has no Content-Type that can be read")
	}
	limit := int64(maxParams)
	if kind == "multipart/form-data" {
		// Files are read for those alone who say who they are.
		if _, err := a.admit(r, p); err != nil {
			return p, err
		}
		limit = maxForm
	}
	if r.ContentLength > limit {
		return p, tooLarge(kind)
	}
	r.Body = http.MaxBytesReader(w, &patient{r.Body, http.NewResponseController(w), a.Patience}, limit)
	switch kind {
	case "multipart/form-data":
		err = p.readMultipart(r)
	case "application/x-www-form-urlencoded":
		err = p.readForm(r)
	default:
		err = p.readJSON(r)
	}
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return p, tooLarge(kind)
	}
	return p, err
}

func tooLarge(kind string) error {
	if kind == "multipart/form-data" {
		return errTooLarge
	}
	return errBodyLarge
}

func (p *params) readMultipart(r *http.Request) error {
	if err := r.ParseMultipartForm(heldForm); err != nil {
		return unread(err)
	}
	p.form = r.MultipartForm
	p.addForm(p.form.Value)
	return nil
}

func (p *params) readForm(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return unread(err)
	}
	if text := strings.TrimSpace(string(body)); strings.HasPrefix(text, "{") {
		return p.addJSON(body) // as curl -d says of any body
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return invalid("body", "is not urlencoded: %v", err)
	}
	p.addForm(values)
	return nil
}

func (p *params) readJSON(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return unread(err)
	}
	if len(body) == 0 {
		return nil
	}
	return p.addJSON(body)
}

// unread keeps the cause of a body that is too large, which is the caller's.
func unread(err error) error { return errors.Join(errBodyUnread, err) }

func (p *params) addJSON(body []byte) error {
	var values map[string]json.RawMessage
	err := json.Unmarshal(body, &values)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return invalid("body", "must be a JSON object, not a %s", wrong.Value)
	}
	if err != nil {
		return invalid("body", "is not a JSON object: %v", err)
	}
	for name, value := range values {
		p.values[name] = value
	}
	return nil
}

// addForm takes the first of each value: as JSON if it is an object or a list,
// and else as a text.
func (p *params) addForm(values url.Values) {
	for name, all := range values {
		if len(all) == 0 {
			continue
		}
		text := strings.TrimSpace(all[0])
		if (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text)) {
			p.values[name] = json.RawMessage(text)
			continue
		}
		quoted, err := json.Marshal(all[0])
		if err != nil { // a string is always JSON
			panic(err)
		}
		p.values[name] = quoted
	}
}

// has tells whether a parameter was given, null being nothing.
func (p params) has(name string) bool {
	value, given := p.values[name]
	return given && string(value) != "null"
}

// into decodes a parameter that may be absent.
func (p params) into(name string, value any) error {
	if !p.has(name) {
		return nil
	}
	if err := json.Unmarshal(p.values[name], value); err != nil {
		return misread(name, err)
	}
	return nil
}

func (p params) text(name string) (string, error) {
	var text flexText
	err := p.into(name, &text)
	return string(text), err
}

// words are a parameter that is a list, or a text with commas.
func (p params) words(name string) ([]string, error) {
	var list []string
	if raw := p.values[name]; len(raw) > 0 && raw[0] == '[' {
		return list, p.into(name, &list)
	}
	text, err := p.text(name)
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			list = append(list, word)
		}
	}
	return list, err
}

// recipient is the id of the person whom a request is for.
func (p params) recipient() (string, error) {
	if raw := p.values["recipient"]; len(raw) > 0 && raw[0] != '{' {
		return p.text("recipient") // as a query has it
	}
	var to struct {
		ID flexText `json:"id"`
	}
	if err := p.into("recipient", &to); err != nil {
		return "", err
	}
	if !p.has("recipient") {
		return "", invalid("recipient", "is required")
	}
	if to.ID == "" {
		return "", errNoUser // known by a phone number or a reference, as nobody is here
	}
	return string(to.ID), nil
}

func misread(name string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if wrong.Field != "" {
			name += "." + wrong.Field
		}
		return invalid(name, "must not be a %s", wrong.Value)
	}
	return invalid(name, "cannot be read: %v", err)
}

// flexText is a text that may come as a number or a truth.
type flexText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *flexText) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(t))
	case '{', '[':
		return &json.UnmarshalTypeError{Value: kindOf(data)}
	case 'n':
		return nil
	}
	*t = flexText(data)
	return nil
}

func kindOf(data []byte) string {
	if data[0] == '{' {
		return "object"
	}
	return "array"
}

// flexBool is a truth that may come as a text.
type flexBool bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *flexBool) UnmarshalJSON(data []byte) error {
	var text flexText
	if err := text.UnmarshalJSON(data); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	is, err := strconv.ParseBool(string(text))
	*b = flexBool(is)
	return err
}

// patient is a body that may take long, as long as it goes on coming.
type patient struct {
	io.ReadCloser
	connection *http.ResponseController
	patience   time.Duration
}

func (p *patient) Read(into []byte) (int, error) {
	// Deadlines are of the network's clock, not of ours. A writer without a
	// connection has none, and its body is in memory.
	_ = p.connection.SetReadDeadline(time.Now().Add(p.patience))
	n, err := p.ReadCloser.Read(into)
	if err != nil {
		_ = p.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}
