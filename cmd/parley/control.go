package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The control socket lies in the data directory, for the owner of its files
// alone. By it, commands of this machine ask the running server: for all that
// its API answers, and for what only the owner of the log can do.
func (c *config) controlSocket() string { return filepath.Join(c.data, "control") }

// serveControl listens on the control socket until stop is called.
func serveControl(h *house, api http.Handler) (stop func() error, err error) {
	path := h.config.controlSocket()
	// The log's lock is held, so a socket that is there was left by a crash.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the control socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EINVAL) {
		h.logger.Warn("the data directory's path is too long for a socket: no command can ask this server", "path", path)
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	mux := http.NewServeMux()
	leaving, leave := context.WithCancel(context.Background())
	mux.HandleFunc("POST /backup", h.answerBackup)
	mux.HandleFunc("POST /upkeep", h.answerUpkeep(leaving))
	mux.Handle("/v1/", api)
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(h.logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return func() error {
		leave()
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		return errors.Join(server.Shutdown(ctx), ignoreClosed(<-served))
	}, nil
}

type backupRequest struct {
	Directory string `json:"directory"`
}

func (h *house) answerBackup(w http.ResponseWriter, r *http.Request) {
	var asked backupRequest
	err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&asked)
	if err == nil {
		err = h.backup(r.Context(), asked.Directory)
	}
	if err != nil {
		h.logger.Error("backup", "directory", asked.Directory, "cause", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.logger.Info("backup", "directory", asked.Directory)
	w.WriteHeader(http.StatusNoContent)
}

// controlAddress stands for the control socket in URLs.
const controlAddress = "http://control"

// controlClient speaks with whoever listens on the control socket.
func (c *config) controlClient() *http.Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", c.controlSocket())
		},
	}}
}

// askServer asks the server that owns the data directory.
func askServer(ctx context.Context, c *config, path string, request any) error {
	response, err := c.postControl(ctx, path, request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return fmt.Errorf("the server says: %s", bytes.TrimSpace(text))
	}
	return nil
}

// postControl posts a value as JSON on a connection of its own.
func (c *config) postControl(ctx context.Context, path string, request any) (*http.Response, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, controlAddress+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	post.Close = true
	response, err := c.controlClient().Do(post)
	if err != nil {
		return nil, fmt.Errorf("asking the server that has the data directory: %w", err)
	}
	return response, nil
}
