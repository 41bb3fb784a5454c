package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/esdb"
)

// certificate writes a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "node.crt"), filepath.Join(dir, "node.key")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: encoded},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestAGuardedNodeKnowsItsClients(t *testing.T) {
	cert, key := certificate(t)
	p := start(t, []string{"PARLEY_CREDENTIALS=clerk:correct horse"}, "node",
		"--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	line := p.line(p.stdout, "node listening on ")
	address := strings.TrimSpace(line[strings.LastIndex(line, " "):])
	write := func(credentials string) error {
		log, err := esdb.Open(t.Context(), "esdb://"+credentials+address+"?tls=true&tlsCaFile="+cert, esdb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		_, err = log.Append(t.Context(), "guarded-1", events.Any, events.Proposed{ID: uuid.New(), Type: "Written", Data: []byte(`{}`), Metadata: []byte(`{}`)})
		return err
	}
	if err := write("clerk:correct%20horse@"); err != nil {
		t.Errorf("with the right password: %v", err)
	}
	if err := write("clerk:wrong@"); err == nil {
		t.Error("written with a wrong password")
	}
	if err := write(""); err == nil {
		t.Error("written without credentials")
	}
	p.stop()
}

// usersFile writes a file of users with a mode.
func usersFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUsersOfANodeHaveRights(t *testing.T) {
	cert, key := certificate(t)
	users := usersFile(t, `[{"user":"ada","password":"lovelace","groups":["clerks"]},{"user":"bob","password":"babbage"}]`, 0o600)
	p := start(t, []string{"PARLEY_CREDENTIALS=root:secret"}, "node", "--users", users,
		"--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	line := p.line(p.stdout, "node listening on ")
	address := strings.TrimSpace(line[strings.LastIndex(line, " "):])
	write := func(credentials, stream, kind, data string) error {
		log, err := esdb.Open(t.Context(), "esdb://"+credentials+"@"+address+"?tls=true&tlsCaFile="+cert, esdb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		_, err = log.Append(t.Context(), stream, events.Any, events.Proposed{ID: uuid.New(), Type: kind, Data: []byte(data), Metadata: []byte(`{}`)})
		return err
	}
	for _, allowed := range []error{
		write("root:secret", "$$orders", "$metadata", `{"$acl":{"$w":"clerks"}}`),
		write("ada:lovelace", "orders", "Written", `{}`),
		write("bob:babbage", "notes", "Written", `{}`),
	} {
		if allowed != nil {
			t.Error(allowed)
		}
	}
	for _, denied := range []error{
		write("bob:babbage", "orders", "Written", `{}`),
		write("ada:lovelace", "$settings", "Written", `{}`),
		write("ada:babbage", "notes", "Written", `{}`),
	} {
		if denied == nil {
			t.Error("written without a right to")
		}
	}
	p.stop()
}

func TestAnUnguardedNodeStaysOnItsMachine(t *testing.T) {
	cert, key := certificate(t)
	guarded := func(users string, mode os.FileMode) []string {
		return []string{"--tls-cert", cert, "--tls-key", key, "--users", usersFile(t, users, mode)}
	}
	for _, args := range [][]string{
		guarded(`[{"user":"ada","password":"lovelace"}]`, 0o640),
		guarded(`[{"user":"ada"}]`, 0o600),
		guarded(`[{"user":"$admins","password":"x"}]`, 0o600),
		guarded(`[{"user":"ada","password":"x"},{"user":"ada","password":"y"}]`, 0o600),
		guarded(`[{"user":"ada","password":"x","group":"$admins"}]`, 0o600),
		guarded(`[]`, 0o600),
		{"--users", usersFile(t, `[{"user":"ada","password":"lovelace"}]`, 0o600)},
		{"--listen", "0.0.0.0:0"},
		{"--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key},
		{"--tls-cert", cert},
		{"--credentials", "clerk:correct horse"},
		{"--credentials", "clerk", "--tls-cert", cert, "--tls-key", key},
	} {
		p := start(t, nil, append([]string{"node", "--data", filepath.Join(t.TempDir(), "data")}, args...)...)
		if code := p.wait(); code != misuse {
			t.Errorf("%q: exit code %d, want %d\n%s", args, code, misuse, p.stderr)
		}
	}
}
