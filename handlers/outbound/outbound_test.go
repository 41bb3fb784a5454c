package outbound_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"parley/handlers/outbound"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "2002:5db8:d822::1": true, "64:ff9b::5db8:d822": true,
		"::ffff:93.184.216.34": true,
		"127.0.0.1":            false, "127.8.8.8": false, "::1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"169.254.169.254": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "fc00::1": false, "168.63.129.16": false,
		"192.0.2.1": false, "198.18.0.1": false, "224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"2002:7f00:1::1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::1": false,
		"2001:db8::1": false, "2001::1": false, "fec0::1": false,
	} {
		if got := outbound.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v, want %v", text, got, want)
		}
	}
}

func TestThisMachineIsReachedOnlyIfAllowed(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	strict := outbound.NewClient(outbound.Options{PlainHTTP: true})
	for _, url := range []string{server.URL, byName} {
		if _, err := get(t, strict, url); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", url, err)
		}
	}
	if asked != 0 {
		t.Fatalf("the server was asked %d times", asked)
	}
	allowing := outbound.NewClient(outbound.Options{Allow: loopback})
	for _, url := range []string{server.URL, byName} {
		if _, err := get(t, allowing, url); err != nil {
			t.Errorf("%s, which is allowed: %v", url, err)
		}
	}
}

func TestRedirectsAreCheckedOrNotFollowed(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer inner.Close()
	away := strings.Replace(inner.URL, "127.0.0.1", "127.0.0.2", 1)
	server := httptest.NewServer(http.RedirectHandler(away, http.StatusFound))
	defer server.Close()
	here := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if status, err := get(t, outbound.NewClient(outbound.Options{Allow: here}), server.URL); status != http.StatusFound || err != nil {
		t.Errorf("not followed: %d, %v, want 302", status, err)
	}
	if _, err := get(t, outbound.NewClient(outbound.Options{Allow: here, Redirects: 3}), server.URL); !errors.Is(err, outbound.ErrForbidden) {
		t.Errorf("followed to an address that is not allowed: %v, want ErrForbidden", err)
	}
}

func TestHTTPIsNotForTheInternet(t *testing.T) {
	client := outbound.NewClient(outbound.Options{})
	if _, err := get(t, client, "http://93.184.216.34/"); !errors.Is(err, outbound.ErrPlain) {
		t.Errorf("http to a public address: %v, want ErrPlain", err)
	}
}

func get(t *testing.T, client *http.Client, url string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}
