package messenger_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/handlers/messenger"
)

// callSeeds are calls as bots make them, and as they should not. TO is the
// customer, PAGE the shop.
var callSeeds = []struct{ method, path, query, contentType, body string }{
	{"POST", "/", "", "application/json", `{"batch":[{"method":"POST","relative_url":"me/messages","body":"recipient=%7B%22id%22%3A%22TO%22%7D&message=%7B%22text%22%3A%22x%22%7D"},{"method":"GET","relative_url":"TO?fields=name"},null]}`},
	{"POST", "/", "include_headers=false", "application/x-www-form-urlencoded", `batch=[{"relative_url":"%zz","depends_on":1}]`},
	{"GET", "/TO", "fields=first_name,last_name,nothing,{a{b", "", ""},
	{"GET", "/v2.6/me", "fields=", "", ""},
	{"DELETE", "/TO", "", "", ""},
	{"POST", "/v2.6/me/messages", "", "application/json", `{"recipient":{"id":"TO"},"messaging_type":"RESPONSE","message":{"text":"hi","quick_replies":[{"content_type":"text","title":"a","payload":"b"}],"metadata":"m"}}`},
	{"POST", "/v2.6/me/messages", "", "application/json", `{"recipient":{"id":"TO"},"message":{"attachment":{"type":"image","payload":{"url":"http://127.0.0.1:1/x"}}}}`},
	{"POST", "/me/messages", "", "application/json", `{"recipient":{"id":"TO"},"sender_action":"typing_on"}`},
	{"POST", "/me/messages", "recipient={\"id\":\"TO\"}", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n{\"attachment\":{\"type\":\"file\",\"payload\":{}}}\r\n--x\r\nContent-Disposition: form-data; name=\"filedata\"; filename=\"\x00\"\r\n\r\nGIF89a\r\n--x--"},
	{"POST", "/PAGE/message_attachments", "", "application/json", `{"message":{"attachment":{"type":"video","payload":{"is_reusable":true,"url":"http://[::1"}}}}`},
	{"GET", "/me/messenger_profile", "fields=greeting,persistent_menu,x", "", ""},
	{"POST", "/me/messenger_profile", "", "application/json", `{"get_started":{"payload":"GO"},"greeting":[{"locale":"default","text":"\u0000"}],"persistent_menu":[{"locale":"default","call_to_actions":[{"type":"postback","title":"a","payload":"b"}]}]}`},
	{"DELETE", "/me/messenger_profile", "", "application/json", `{"fields":["get_started",1]}`},
	{"POST", "/me/subscribed_apps", "subscribed_fields=messages,&access_token=", "", ""},
	{"GET", "/me/personas", "limit=-1&after=AA%3D%3D", "", ""},
	{"POST", "/me/personas", "", "application/json", `{"name":"\ud800","profile_picture_url":"x"}`},
	{"GET", "/PAGE/thread_owner", "recipient=TO", "", ""},
	{"POST", "/me/pass_thread_control", "", "application/json", `{"recipient":{"id":"TO"},"target_app_id":"263902037430900","metadata":"m"}`},
	{"POST", "/me/take_thread_control", "", "application/json", `{"recipient":{"id":["TO"]}}`},
	{"POST", "/me/request_thread_control", "", "text/plain; charset=\xff", `[`},
	{"GET", "/me/secondary_receivers", "fields=%00", "", ""},
}

// FuzzCalls holds that nothing a bot can send makes a fault of the server's,
// and that what is called JSON is.
func FuzzCalls(f *testing.F) {
	w := newWorld(f)
	names := strings.NewReplacer("TO", w.page.to, "PAGE", w.shop.String())
	for _, seed := range callSeeds {
		f.Add(seed.method, seed.path, seed.query, seed.contentType, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, contentType, body string) {
		path = names.Replace(path)
		request, err := http.NewRequest(method, "http://parley", strings.NewReader(names.Replace(body)))
		if err != nil {
			return // no such request can come
		}
		request.URL.Path, request.URL.RawQuery, request.RequestURI = path, names.Replace(query), path
		if !messenger.Serves(request) {
			return
		}
		request.RemoteAddr = "127.0.0.1:1"
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("Authorization", "Bearer "+w.page.token)
		answer := httptest.NewRecorder()
		w.Server.ServeHTTP(answer, request)
		if answer.Code >= http.StatusInternalServerError {
			t.Errorf("%s %s?%s of %q as %q: %d %s", method, path, query, body, contentType, answer.Code, answer.Body)
		}
		if !json.Valid(answer.Body.Bytes()) && strings.Contains(answer.Header().Get("Content-Type"), "json") {
			t.Errorf("%s %s?%s of %q as %q is answered with %q", method, path, query, body, contentType, answer.Body)
		}
	})
}
