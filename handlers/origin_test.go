package handlers_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"parley/handlers"
	"parley/handlers/handlertest"
)

func TestPagesOfOtherOrigins(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Origins = []string{"https://chat.example"} })
	ada := h.Person("ada")
	ask := func(origin string) http.Header {
		t.Helper()
		preflight := h.Nobody().Do("OPTIONS", "/v1/conversations", nil, "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,idempotency-key")
		answer := ada.Get("/v1/conversations", "Origin", origin).Want(200)
		if preflight.Header.Get("Access-Control-Allow-Origin") != answer.Header.Get("Access-Control-Allow-Origin") {
			t.Errorf("%s: the preflight and the answer differ", origin)
		}
		if preflight.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", origin)
		}
		return answer.Header
	}
	if got := ask("https://chat.example"); got.Get("Access-Control-Allow-Origin") != "https://chat.example" ||
		!strings.Contains(got.Get("Access-Control-Expose-Headers"), "Parley-Position") {
		t.Errorf("an allowed origin got %v", got)
	}
	for _, origin := range []string{"https://evil.example", "http://chat.example", "https://chat.example.evil.example", "null"} {
		if got := ask(origin).Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s got %q", origin, got)
		}
	}
	plain := handlertest.Open(t)
	if got := plain.Nobody().Get("/v1/conversations", "Origin", "https://chat.example").Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("without a configured origin, the answer allows %q", got)
	}
}

func TestRatesCountClientsBehindAProxy(t *testing.T) {
	limited := func(o *handlers.Options) {
		o.Limits.AddressRate = 2
		o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	h := handlertest.Open(t, limited)
	ask := func(forwarded string) int {
		t.Helper()
		return h.Nobody().Get("/v1/users/x", "X-Forwarded-For", forwarded).Status
	}
	for range 2 {
		if status := ask("192.0.2.1"); status != 401 {
			t.Errorf("the first client was answered %d", status)
		}
	}
	for _, same := range []string{"192.0.2.1", "198.51.100.7, 192.0.2.1", "192.0.2.1, 10.1.2.3", "nonsense, 192.0.2.1"} {
		if status := ask(same); status != 429 {
			t.Errorf("%s was answered %d", same, status)
		}
	}
	if status := ask("192.0.2.2"); status != 401 {
		t.Errorf("the second client was answered %d", status)
	}
}

func TestForwardedAddressesOfStrangersDoNotCount(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.AddressRate = 2 })
	statuses := map[int]int{}
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		statuses[h.Nobody().Get("/v1/users/x", "X-Forwarded-For", address).Status]++
	}
	if statuses[429] != 1 {
		t.Errorf("answered %v", statuses)
	}
}
