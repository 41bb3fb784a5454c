package messenger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/handlers/messenger"
	"parley/projections"
)

func animation(t testing.TB) []byte {
	t.Helper()
	var body bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 4, 3), color.Palette{color.Black, color.White})
	if err := gif.EncodeAll(&body, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{5, 5}}); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

func TestTextIsSentByBothKindsOfPages(t *testing.T) {
	w := newWorld(t)
	m := w.page.send(`{"text":"Tea?","metadata":"m1","quick_replies":[{"content_type":"text","title":"Yes","payload":"Y"},{"content_type":"location"}]}`)
	if m.Text != "Tea?" || m.ConversationID != w.thread || m.Merchant == nil || *m.Merchant != w.shop || m.App == nil || m.App.Name != "Bot" {
		t.Errorf("the shop's message is %+v", m)
	}
	if want := `[{"content_type":"text","title":"Yes","payload":"Y"},{"content_type":"location"}]`; string(m.QuickReplies) != want {
		t.Errorf("it offers %s", m.QuickReplies)
	}
	reply := w.own.send(`{"text":42}`)
	if reply.Text != "42" || reply.ConversationID != w.group || reply.Merchant != nil {
		t.Errorf("the app's own message is %+v", reply)
	}
	path := "/v1/conversations/" + w.thread.String()
	answered := w.customer.Post(path+"/messages", map[string]any{"quickReply": map[string]any{"number": m.Number, "payload": "Y"}}).Want(201)
	if !strings.Contains(string(answered.Body), `"text":"Yes"`) {
		t.Errorf("the chosen answer is %s", answered.Body)
	}
	answer := w.page.call("POST", "/"+w.shop.String()+"/messages", fmt.Sprintf(
		`{"recipient":{"id":"TO"},"message":{"text":"And?"},"reply_to":{"mid":%q},"notification_type":"NO_PUSH"}`, messenger.MID(w.thread, m.Number))).Want(200)
	var ids struct {
		MessageID string `json:"message_id"`
	}
	answer.Into(&ids)
	if shown := w.page.shown(ids.MessageID); shown.ReplyTo == nil || *shown.ReplyTo != m.Number {
		t.Errorf("it answers %v", shown.ReplyTo)
	}
	w.own.call("POST", "/me/messages", `{"recipient":{"id":"`+w.group.String()+`"},"message":{"text":"to all"}}`).Want(200)
}

func TestTemplatesAreSent(t *testing.T) {
	w := newWorld(t)
	m := w.page.send(`{"attachment":{"type":"template","payload":{"template_type":"generic","elements":[
		{"title":"Hats","subtitle":"For all","image_url":"https://example.com/hat.png","default_action":{"type":"web_url","url":"https://example.com"},
		"buttons":[{"type":"postback","title":"Start","payload":"GO"},{"type":"phone_number","title":"Call","payload":"+15105551234"}]}]}}}`)
	if m.Text != "Hats – For all" || !strings.Contains(string(m.Template), `"default_action"`) {
		t.Errorf("the message is %q with %s", m.Text, m.Template)
	}
	path := "/v1/conversations/" + w.thread.String() + "/buttons"
	w.customer.Post(path, map[string]any{"number": m.Number, "payload": "GO"}).Want(201)
	m = w.page.send(`{"attachment":{"type":"template","payload":{"template_type":"button","text":"Sure?","buttons":[{"type":"postback","title":"Yes","payload":"Y"}]}}}`)
	if m.Text != "Sure?" {
		t.Errorf("the message is %q", m.Text)
	}
	m = w.page.send(`{"attachment":{"type":"template","payload":{"template_type":"list","top_element_style":"compact","elements":[
		{"title":"Hats","subtitle":"For all"},{"title":"Coats","buttons":[{"type":"postback","title":"Buy","payload":"COAT"}]}],
		"buttons":[{"type":"postback","title":"More","payload":"MORE"}]}}}`)
	if m.Text != "Hats – For all\nCoats" {
		t.Errorf("the list is %q", m.Text)
	}
	for _, payload := range []string{"COAT", "MORE"} {
		w.customer.Post(path, map[string]any{"number": m.Number, "payload": payload}).Want(201)
	}
	m = w.page.send(`{"attachment":{"type":"template","payload":{"template_type":"open_graph","elements":[{"url":"https://example.com/track"}]}}}`)
	if m.Text != "https://example.com/track" || m.Template == nil {
		t.Errorf("the address is %q", m.Text)
	}
	long := strings.Repeat("x", 81)
	for name, payload := range map[string]string{
		"template_type":        `{"template_type":"airline_update"}`,
		"elements must be 2":   `{"template_type":"list","elements":[{"title":"x"}]}`,
		"[0].image_url":        `{"template_type":"list","elements":[{"title":"x"},{"title":"y"}]}`,
		"top_element_style":    `{"template_type":"list","top_element_style":"wide","elements":[{"title":"x"},{"title":"y"}]}`,
		"payload.buttons must": `{"template_type":"list","top_element_style":"compact","elements":[{"title":"x"},{"title":"y"}],"buttons":[{"type":"element_share"},{"type":"element_share"}]}`,
		"elements[1].buttons":  `{"template_type":"list","top_element_style":"compact","elements":[{"title":"x"},{"title":"y","buttons":[{"type":"element_share"},{"type":"element_share"}]}]}`,
		"elements must be one": `{"template_type":"open_graph","elements":[]}`,
		"elements[0].url":      `{"template_type":"open_graph","elements":[{"url":"spotify:track"}]}`,
		"elements":             `{"template_type":"generic","elements":[]}`,
		"elements[0].title":    `{"template_type":"generic","elements":[{"title":"` + long + `"}]}`,
		"elements[0].subtitle": `{"template_type":"generic","elements":[{"title":"x","subtitle":"` + long + `"}]}`,
		"buttons":              `{"template_type":"button","text":"x","buttons":[]}`,
		"text":                 `{"template_type":"button","text":"` + strings.Repeat("x", 641) + `","buttons":[]}`,
		"buttons[0].payload":   `{"template_type":"button","text":"x","buttons":[{"type":"postback","title":"t","payload":"` + strings.Repeat("x", 1001) + `"}]}`,
		"buttons[0].title":     `{"template_type":"button","text":"x","buttons":[{"type":"postback","title":"a title too long by far","payload":"x"}]}`,
		"buttons[0].url":       `{"template_type":"button","text":"x","buttons":[{"type":"web_url","title":"t","url":"javascript:alert(1)"}]}`,
		"buttons[0].type":      `{"template_type":"button","text":"x","buttons":[{"type":"bomb","title":"t"}]}`,
		"elements[0]":          `{"template_type":"media","elements":[{"media_type":"image"}]}`,
	} {
		refused(t, w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"attachment":{"type":"template","payload":`+payload+`}}}`), 100, 0, name)
	}
}

// receiptOf is the platform's own example of a receipt, with a total and a
// number.
func receiptOf(total, number string) string {
	return `{"attachment":{"type":"template","payload":{"template_type":"receipt","recipient_name":"Stephane Crozatier","order_number":"` + number + `",
		"currency":"USD","payment_method":"Visa 2345","timestamp":"1428444852","elements":[
		{"title":"Classic White T-Shirt","subtitle":"100% Soft","quantity":2,"price":50,"currency":"USD"},{"title":"Classic Gray T-Shirt","quantity":1,"price":"25.00"}],
		"address":{"street_1":"1 Hacker Way","street_2":"","city":"Menlo Park","postal_code":"94025","state":"CA","country":"US"},
		"summary":{"subtotal":75.00,"shipping_cost":4.95,"total_tax":6.19,"total_cost":` + total + `},
		"adjustments":[{"name":"New Customer Discount","amount":20},{"name":"$10 Off Coupon","amount":-10}]}}}`
}

func TestAReceiptPlacesAnOrder(t *testing.T) {
	w := newWorld(t)
	m := w.page.send(receiptOf("56.14", "12345"))
	if m.Order == nil {
		t.Fatalf("the receipt's message is %+v", m)
	}
	var order projections.OrderView
	w.customer.Get("/v1/orders/" + m.Order.String()).Want(200).Into(&order)
	if order.Total != 5614 || order.Number != "12345" || order.Currency != "USD" || len(order.Lines) != 2 {
		t.Errorf("the order is %+v", order)
	}
	body := func(total, number string) string {
		return `{"recipient":{"id":"TO"},"message":` + receiptOf(total, number) + `}`
	}
	refused(t, w.page.call("POST", "/me/messages", body("56.15", "2")), 100, 0, "difference of 0.01 USD")
	refused(t, w.page.call("POST", "/me/messages", body("56.14", "12345")), 100, 0, "order_number")
	refused(t, w.page.call("POST", "/me/messages", body(`"many"`, "3")), 100, 0, "summary.total_cost")
	refused(t, w.page.call("POST", "/me/messages", body("56.141", "3")), 100, 0, "decimals")
	refused(t, w.own.call("POST", "/me/messages", body("56.14", "4")), 100, 0, "merchants")
}

func TestFilesAreSent(t *testing.T) {
	w := newWorld(t)
	files := httptest.NewServer(serveFile("horse.gif", animation(t)))
	t.Cleanup(files.Close)
	attach := func(kind, payload string) string {
		return `{"recipient":{"id":"TO"},"message":{"attachment":{"type":"` + kind + `","payload":` + payload + `}}}`
	}
	var answer struct {
		MessageID    string `json:"message_id"`
		AttachmentID string `json:"attachment_id"`
	}
	w.page.call("POST", "/me/messages", attach("image", `{"url":"`+files.URL+`/horse.gif","is_reusable":"true"}`)).Want(200).Into(&answer)
	m := w.page.shown(answer.MessageID)
	if len(m.Attachments) != 1 || m.Attachments[0].ContentType != "image/gif" || m.Attachments[0].Name != "horse.gif" || answer.AttachmentID == "" {
		t.Fatalf("%+v came as %+v", answer, m.Attachments)
	}
	w.page.call("POST", "/me/messages", attach("image", `{"attachment_id":"`+answer.AttachmentID+`"}`)).Want(200)
	w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"attachment":{"type":"template","payload":{"template_type":"media","elements":[
		{"media_type":"image","attachment_id":"`+answer.AttachmentID+`","buttons":[{"type":"web_url","title":"See","url":"https://example.com"}]}]}}}}`).Want(200).Into(&answer)
	if m := w.page.shown(answer.MessageID); len(m.Attachments) != 1 || m.Template == nil {
		t.Errorf("the media template came as %+v", m)
	}
	refused(t, w.page.call("POST", "/me/messages", attach("video", `{"url":"`+files.URL+`/horse.gif"}`)), 100, 2018047, "image/gif")
	refused(t, w.page.call("POST", "/me/messages", attach("image", `{"url":"`+files.URL+`/cow.gif"}`)), 100, 2018008, "404")
	refused(t, w.page.call("POST", "/me/messages", attach("image", `{"url":"http://10.0.0.1/horse.gif"}`)), 100, 2018008, "not public")
	refused(t, w.page.call("POST", "/me/messages", attach("image", `{"url":"file:///etc/passwd"}`)), 100, 0, "url")
	refused(t, w.page.call("POST", "/me/messages", attach("image", `{"attachment_id":"1745504518999123"}`)), 100, 2018074, "attachment_id")
	refused(t, w.page.call("POST", "/me/messages", attach("image", `{}`)), 100, 0, "url")
	refused(t, w.page.call("POST", "/me/messages", attach("bomb", `{}`)), 100, 0, "type")
}

// form is a multipart body with a file.
func form(t testing.TB, fields map[string]string, name string, file []byte) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = new(bytes.Buffer)
	writer := multipart.NewWriter(body)
	for field, value := range fields {
		if err := writer.WriteField(field, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := writer.CreateFormFile("filedata", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return body, writer.FormDataContentType()
}

func (c *caller) upload(path string, fields map[string]string, name string, file []byte) (status int, answer map[string]any) {
	c.Helper()
	body, contentType := form(c, fields, name, file)
	response, err := http.Post(c.URL+path+"?access_token="+c.token, contentType, body)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		c.Fatal(err)
	}
	return response.StatusCode, answer
}

func TestFilesAreUploaded(t *testing.T) {
	w := newWorld(t)
	message := `{"attachment":{"type":"image","payload":{"is_reusable":true}}}`
	status, answer := w.page.upload("/v2.6/me/message_attachments", map[string]string{"message": message}, "horse.gif", animation(t))
	if status != 200 || answer["attachment_id"] == nil {
		t.Fatalf("%d %v", status, answer)
	}
	status, answer = w.own.upload("/me/messages", map[string]string{"recipient": `{"id":"` + w.own.to + `"}`, "message": message}, "dir/horse.gif", animation(t))
	if status != 200 {
		t.Fatalf("%d %v", status, answer)
	}
	if m := w.own.shown(answer["message_id"].(string)); len(m.Attachments) != 1 || m.Attachments[0].Name != "horse.gif" {
		t.Errorf("it came as %+v", m.Attachments)
	}
	before := w.events()
	status, answer = w.page.upload("/me/messages", map[string]string{"recipient": `{"id":"USER_ID"}`, "message": message}, "horse.gif", []byte("GIF89a"))
	if status != 400 {
		t.Errorf("an unknown recipient: %d %v", status, answer)
	}
	status, answer = w.page.upload("/me/message_attachments", map[string]string{"message": message}, "big.gif", make([]byte, 26<<20))
	if status != 413 {
		t.Errorf("a file too large: %d %v", status, answer)
	}
	if after := w.events(); after != before {
		t.Errorf("refused uploads left %d events", after-before)
	}
}

// events counts what the log holds.
func (w *world) events() (count int) {
	w.Helper()
	for _, err := range w.Journal.Log.ReadAll(w.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			w.Fatal(err)
		}
		count++
	}
	return count
}

func TestTheWindowCloses(t *testing.T) {
	w := newWorld(t)
	send := func(more string) int {
		return w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"hello"}`+more+`}`).Status
	}
	if status := send(""); status != 200 {
		t.Errorf("after the opt-in: %d", status)
	}
	w.Clock.Advance(24 * time.Hour)
	refused(t, w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"hello"},"tag":"APPLICATION_UPDATE"}`), 10, 2018065, "window")
	for _, tag := range []string{"ACCOUNT_UPDATE", "HUMAN_AGENT"} {
		if status := send(`,"messaging_type":"MESSAGE_TAG","tag":"` + tag + `"`); status != 200 {
			t.Errorf("with %s: %d", tag, status)
		}
	}
	refused(t, w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"x"},"messaging_type":"MESSAGE_TAG"}`), 100, 0, "tag")
	refused(t, w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"x"},"messaging_type":"SHOUT"}`), 100, 0, "messaging_type")
	w.customer.Say(w.thread, "still there?")
	if status := send(""); status != 200 {
		t.Errorf("after the customer wrote: %d", status)
	}
	w.Clock.Advance(7 * 24 * time.Hour)
	if status := send(`,"tag":"HUMAN_AGENT"`); status != 400 {
		t.Errorf("a week later by one of its people: %d", status)
	}
	w.customer.Do("DELETE", "/v1/merchants/"+w.shop.String()+"/customers/"+w.customer.User.ID.String(), nil).Want(204)
	refused(t, w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"x"},"tag":"ACCOUNT_UPDATE"}`), 551, 1545041, "available")
}

func TestSenderActions(t *testing.T) {
	w := newWorld(t)
	said := w.customer.Say(w.thread, "hello")
	var message projections.Message
	said.Into(&message)
	act := func(action, more string) *handlertest.Answer {
		return w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"sender_action":"`+action+`"`+more+`}`)
	}
	for _, action := range []string{"mark_seen", "typing_on", "typing_off"} {
		act(action, "").Want(200)
	}
	mid := messenger.MID(w.thread, message.Number)
	act("react", `,"payload":{"message_id":"`+mid+`","reaction":"love"}`).Want(200)
	if m := w.page.shown(mid); len(m.Reactions) != 1 || m.Reactions[0].Emoji != "❤" || m.Reactions[0].UserIDs[0] != w.bot.App.ID {
		t.Errorf("the reactions are %+v", m.Reactions)
	}
	act("unreact", `,"payload":{"message_id":"`+mid+`"}`).Want(200)
	if m := w.page.shown(mid); len(m.Reactions) != 0 {
		t.Errorf("the reactions are %+v", m.Reactions)
	}
	refused(t, act("dance", ""), 100, 0, "sender_action")
	refused(t, act("mark_seen", `,"message":{"text":"x"}`), 100, 0, "sender_action")
	refused(t, act("react", `,"payload":{"message_id":"mid.1","reaction":"love"}`), 100, 0, "message_id")
}

func TestBodiesComeInThreeForms(t *testing.T) {
	w := newWorld(t)
	values := url.Values{"recipient": {`{"id":"` + w.page.to + `"}`}, "message": {`{"text":"by form"}`}, "access_token": {w.page.token}}
	response, err := http.PostForm(w.URL+"/v19.0/me/messages", values)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		MessageID string `json:"message_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != 200 {
		t.Fatalf("%d %v", response.StatusCode, err)
	}
	if m := w.page.shown(answer.MessageID); m.Text != "by form" {
		t.Errorf("it came as %+v", m)
	}
	w.With(w.page.token).Post("/me/messages", `{"recipient":{"id":"`+w.page.to+`"},"message":{"text":"by header"}}`).Want(200)
}
