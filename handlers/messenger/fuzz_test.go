package messenger

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// realPayloads are payloads of the Messenger Platform, beside the project.
const realPayloads = "../../../shared/data/messenger"

// payloads are real ones, or none where they are not.
func payloads(t testing.TB) [][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(realPayloads, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, name := range names {
		payload, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, payload)
	}
	return all
}

// decoded reads a body as a send's.
func decoded(body string, contentType string) (*message, error) {
	a := New(Options{Patience: time.Second})
	r := httptest.NewRequest(http.MethodPost, "/me/messages", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	p, err := a.read(httptest.NewRecorder(), r)
	defer p.close()
	if err != nil {
		return nil, err
	}
	if _, err := p.recipient(); err != nil {
		return nil, err
	}
	if _, _, err := windowOf(p); err != nil {
		return nil, err
	}
	return readMessage(p)
}

func TestRealSendsAreRead(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(realPayloads, "messenger4j", "SendTest.shouldSend*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skipf("there are no real payloads at %s", realPayloads)
	}
	// Who is known by a phone number or a reference is refused; so is a sender
	// action, which is no message.
	refusedOnes := []string{"PhoneNumberRecipient", "UserRefRecipient", "SenderAction"}
	read := 0
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = decoded(string(body), "application/json")
		expected := false
		for _, part := range refusedOnes {
			expected = expected || strings.Contains(name, part)
		}
		if (err != nil) != expected {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		if err == nil {
			read++
		}
	}
	if read < 10 {
		t.Errorf("%d real sends were read", read)
	}
}

// FuzzSend holds that whatever comes is read or refused with one of the
// platform's errors for callers, and that what is read is within its bounds.
func FuzzSend(f *testing.F) {
	for _, payload := range payloads(f) {
		f.Add(string(payload), "application/json")
	}
	f.Add(`recipient=%7B%22id%22%3A%22x%22%7D&message=%7B%22text%22%3A%22hello%22%7D`, "application/x-www-form-urlencoded")
	f.Add(`{"recipient":{"id":1},"message":{"attachment":{"type":"template","payload":{"template_type":"receipt"}}}}`, "text/plain")
	f.Add("--x\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n{}\r\n--x--", "multipart/form-data; boundary=x")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		m, err := decoded(body, contentType)
		if err != nil {
			if fault := faultOf(err); fault.Status >= http.StatusInternalServerError {
				t.Errorf("%q is a fault of ours: %v", body, err)
			}
			return
		}
		if len([]rune(m.text)) > maxText && m.template == "" || len([]rune(m.metadata)) >= maxMetadata {
			t.Errorf("%q is read beyond its bounds", body)
		}
		if m.text == "" && m.file == nil && m.template == "" && m.receipt == nil {
			t.Errorf("%q is read as nothing", body)
		}
	})
}
