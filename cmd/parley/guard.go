package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"parley/events/node/wire"
)

// guard is how the node's listener knows who connects. Without one it asks
// nobody, and listens on this machine only.
type guard struct{ cert, key, credentials string }

func (g *guard) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&g.cert, "tls-cert", "", "certificate file, in PEM; with --tls-key and --credentials the node listens on any address")
	flags.StringVar(&g.key, "tls-key", "", "private key file of the certificate, in PEM")
	flags.StringVar(&g.credentials, "credentials", "", "USER:PASSWORD that clients must send; better given as PARLEY_CREDENTIALS")
}

// closed tells whether strangers are kept out, so that the node may listen
// where they can reach it.
func (g *guard) closed() bool { return g.cert != "" && g.credentials != "" }

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
	if g.credentials != "" {
		user, password, ok := strings.Cut(g.credentials, ":")
		if !ok || user == "" || password == "" {
			return options, misused("--credentials must be USER:PASSWORD")
		}
		if g.cert == "" {
			return options, misused("--credentials need --tls-cert and --tls-key: EventStoreDB clients send none without TLS")
		}
		options.Authenticate = func(gotUser, gotPassword string) bool {
			return equal(gotUser, user)&equal(gotPassword, password) == 1
		}
	}
	return options, nil
}

// equal takes the same time whatever differs.
func equal(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
