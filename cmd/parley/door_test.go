package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServeHTTPS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	data := filepath.Join(t.TempDir(), "data")
	server := serve(t, data, "--tls-cert", cert, "--tls-key", key, "--cors-origin", "https://chat.example", "--trusted-proxy", "10.0.0.0/8")
	address := server.address()
	if !strings.HasPrefix(address, "https://127.0.0.1:") {
		t.Fatalf("the server listens on %q", address)
	}
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, address+"/v1/conversations", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://chat.example")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	if response.StatusCode != http.StatusUnauthorized || response.ProtoMajor != 2 || response.Header.Get("Strict-Transport-Security") == "" ||
		response.Header.Get("Access-Control-Allow-Origin") != "https://chat.example" {
		t.Errorf("answered %s %d with %v", response.Proto, response.StatusCode, response.Header)
	}
	if shown := finish(t, "audit", "events", "--data", data); !strings.Contains(shown, "position") {
		t.Errorf("a command of this machine was answered %q", shown)
	}
	server.stop()
}

func TestADoorThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	for flags, hint := range map[string]string{
		"--tls-cert only.pem":                                     "--tls-key",
		"--tls-cert no.pem --tls-key no.key":                      "no.pem",
		"--cors-origin chat.example":                              "--cors-origin",
		"--cors-origin https://chat.example/":                     "--cors-origin",
		"--trusted-proxy ten":                                     "--trusted-proxy",
		"--outbound-allow ten":                                    "--outbound-allow",
		"--oidc-issuer accounts.example":                          "--oidc-issuer",
		"--oidc-issuer https://accounts.example --oidc-audience=": "--oidc-audience",
	} {
		p := serve(t, filepath.Join(t.TempDir(), "data"), strings.Fields(flags)...)
		if code := p.wait(); code == done || !strings.Contains(p.stderr.String(), hint) {
			t.Errorf("%s: exit code %d, %s", flags, code, p.stderr)
		}
	}
}

func TestARenewedCertificateIsTaken(t *testing.T) {
	cert, key := certificate(t)
	var logged bytes.Buffer
	pair, err := openTLSPair(cert, key, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	first := pair.current(time.Now())
	renew := func(files ...string) {
		t.Helper()
		for i, to := range []string{cert, key} {
			if err := os.Rename(files[i], to); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(to, time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	later := time.Now().Add(time.Minute)
	renew(certificate(t))
	second := pair.current(later)
	if second == first || !strings.Contains(logged.String(), "renewed") {
		t.Errorf("the renewed certificate was not taken: %s", &logged)
	}
	if err := os.WriteFile(cert, []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third := pair.current(later.Add(time.Minute)); third != second || !strings.Contains(logged.String(), "serves on") {
		t.Errorf("a broken certificate was taken, or not reported: %s", &logged)
	}
}

func TestTokenRevoke(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	token := func() string {
		t.Helper()
		lines := strings.Fields(finish(t, "token", "--data", data, "--scope", "analyst"))
		return lines[len(lines)-1]
	}
	first, second := token(), token()
	finish(t, "token", "revoke", first, "--data", data)
	server := serve(t, data)
	address := server.address()
	status := func(token string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, address+"/v1/growth", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		return response.StatusCode
	}
	if got := status(first); got != http.StatusUnauthorized {
		t.Errorf("a token that was revoked before the start is answered %d", got)
	}
	if got := status(second); got != http.StatusOK {
		t.Errorf("another token is answered %d", got)
	}
	finish(t, "token", "revoke", "--subject", "analyst", "--data", data)
	if got := status(second); got != http.StatusUnauthorized {
		t.Errorf("after all of the subject's were revoked, a token is answered %d", got)
	}
	for _, misused := range [][]string{{}, {"a", "--subject", "b"}, {"nonsense"}} {
		p := start(t, nil, append([]string{"token", "revoke", "--data", data}, misused...)...)
		if code := p.wait(); code != misuse {
			t.Errorf("%v: exit code %d\n%s", misused, code, p.stderr)
		}
	}
}
