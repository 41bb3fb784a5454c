package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"parley/events/node"
	"parley/events/node/wire"
)

// guard is how the node's listener knows who connects. Without one it asks
// nobody, and listens on this machine only.
type guard struct{ cert, key, credentials, users string }

func (g *guard) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&g.cert, "tls-cert", "", "certificate file, in PEM; with --tls-key and --credentials or --users the node listens on any address")
	flags.StringVar(&g.key, "tls-key", "", "private key file of the certificate, in PEM")
	flags.StringVar(&g.credentials, "credentials", "", "USER:PASSWORD of an administrator, which clients must send; better given as PARLEY_CREDENTIALS")
	flags.StringVar(&g.users, "users", "", `JSON file of more users, [{"user","password","groups":[…]}], whose rights are those of $acl in the metadata of streams`)
}

// closed tells whether strangers are kept out, so that the node may listen
// where they can reach it.
func (g *guard) closed() bool { return g.cert != "" && g.credentials+g.users != "" }

func (g *guard) options(logger *slog.Logger) (wire.Options, error) {
	options := wire.Options{Logger: logger}
	if (g.cert == "") != (g.key == "") {
		return options, misused("--tls-cert and --tls-key go together")
	}
	if g.cert != "" {
		pair, err := tls.LoadX509KeyPair(g.cert, g.key)
		if err != nil {
			return options, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		options.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	users, err := g.known()
	if err != nil || len(users) == 0 {
		return options, err
	}
	if g.cert == "" {
		return options, misused("--credentials and --users need --tls-cert and --tls-key: EventStoreDB clients send none without TLS")
	}
	options.Authenticate = authenticator(users)
	return options, nil
}

// user is who may connect, as the file of --users has it.
type user struct {
	Name     string   `json:"user"`
	Password string   `json:"password"`
	Groups   []string `json:"groups"`
}

// known are all who may connect.
func (g *guard) known() ([]user, error) {
	var users []user
	if g.users != "" {
		var err error
		if users, err = readUsers(g.users); err != nil {
			return nil, misused("--users: %v", err)
		}
	}
	if g.credentials != "" {
		name, password, _ := strings.Cut(g.credentials, ":")
		users = append(users, user{Name: name, Password: password, Groups: []string{node.Admins}})
	}
	seen := map[string]bool{}
	for _, u := range users {
		switch {
		case u.Name == "" || u.Password == "":
			return nil, misused("--credentials must be USER:PASSWORD, and users in --users have both")
		case strings.HasPrefix(u.Name, "$") || strings.Contains(u.Name, ":"):
			return nil, misused("the user %q: a name neither begins with '$', as groups do, nor has a ':'", u.Name)
		case seen[u.Name]:
			return nil, misused("there are two users %q", u.Name)
		}
		seen[u.Name] = true
	}
	return users, nil
}

// readUsers reads a file of users, which only its owner may be able to read.
func readUsers(path string) (users []user, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %o and passwords in it: make it 600", path, info.Mode().Perm())
	}
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&users); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("%s has no users", path)
	}
	return users, nil
}

// authenticator compares all users with a caller's credentials, so that it
// takes the same time whoever calls.
func authenticator(users []user) func(name, password string) (node.Caller, bool) {
	return func(name, password string) (caller node.Caller, ok bool) {
		for _, u := range users {
			if equal(name, u.Name)&equal(password, u.Password) == 1 {
				caller, ok = node.Caller{Name: u.Name, Groups: u.Groups}, true
			}
		}
		return caller, ok
	}
}

// equal takes the same time whatever differs.
func equal(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
