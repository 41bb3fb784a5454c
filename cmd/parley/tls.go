package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// renewalCheck is how often the certificate's files are looked at for newer
// ones.
const renewalCheck = 30 * time.Second

// tlsPair is a TLS certificate and its key in files that are renewed while the server
// runs. One that cannot be read in its place is reported, and the one before
// serves on.
type tlsPair struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate // guarded by mu
	written [2]time.Time     // of the files that pair was read from; guarded by mu
	checked time.Time        // guarded by mu
}

func openTLSPair(certFile, keyFile string, logger *slog.Logger) (*tlsPair, error) {
	c := &tlsPair{certFile: certFile, keyFile: keyFile, logger: logger, checked: time.Now()}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return c, nil
}

// config serves HTTP/2 and HTTP/1.1 with the certificate of the moment.
func (c *tlsPair) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current(time.Now()), nil
		},
	}
}

func (c *tlsPair) current(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.checked) < renewalCheck {
		return c.pair
	}
	c.checked = now
	written, err := c.times()
	if err == nil && written == c.written {
		return c.pair
	}
	if err == nil {
		err = c.read()
	}
	if err != nil {
		c.logger.Error("the renewed certificate cannot be used; the one before serves on", "cause", err)
	} else {
		c.logger.Info("certificate renewed", "file", c.certFile)
	}
	return c.pair
}

// read takes the pair from its files. The times are taken first: if a file is
// written in between, it is read again with the next check.
func (c *tlsPair) read() error {
	written, err := c.times()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.written = &pair, written
	return nil
}

func (c *tlsPair) times() (written [2]time.Time, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return written, err
		}
		written[i] = info.ModTime()
	}
	return written, nil
}
