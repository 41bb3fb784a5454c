package webhooks_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"parley/events"
	"parley/handlers/webhooks"
)

func TestListenersHearWhatAWebhookIsTold(t *testing.T) {
	h := open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	at := receive(t, nil)
	app := bring(ada, at, events.MessagesField)
	room := ada.Start("group", bob)
	install(ada, room, app)
	ada.Say(room, "before anybody listened")
	at.next()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/v1/apps/"+app.App.ID.String()+"/deliveries/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+app.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != ": listening" {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	bob.Say(room, "can you hear me?")
	var heard webhooks.Heard
	for heard.Body == "" && lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &heard); err != nil {
				t.Fatal(err)
			}
		}
	}
	one := at.read([]byte(heard.Body))
	old, current := webhooks.Signatures(app.Secret, []byte(heard.Body))
	if one.Message == nil || one.Message.Text != "can you hear me?" || one.EventID != heard.EventID || heard.Signature != old || heard.Signature256 != current {
		t.Errorf("heard %+v", heard)
	}
	bob.Get("/v1/apps/"+app.App.ID.String()+"/deliveries/stream").Refused(404, "no such app")
}
