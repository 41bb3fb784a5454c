package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/handlers/webhooks"
)

const (
	// listenAgain is how long to wait before a stream that was lost is opened
	// anew.
	listenAgain = 2 * time.Second
	// forwardTimeout is how long the address may take that a delivery is sent
	// on to.
	forwardTimeout = 20 * time.Second
	// mostHeard bounds one line of a stream, in bytes.
	mostHeard = 4 << 20
)

// appListener prints what an app is told.
type appListener struct {
	*developer
	forward  string
	out      io.Writer
	complain io.Writer
}

// errToken: the server does not accept the token any more.
var errToken = errors.New("the token has ended")

// run listens until the context ends or the server refuses. A stream that was
// lost is opened anew.
func (l *appListener) run(ctx context.Context, app string) error {
	api, err := l.api()
	if err != nil {
		return err
	}
	for {
		err := l.once(ctx, api, app)
		var refused misuseError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &refused), errors.Is(err, errToken):
			return err
		}
		fmt.Fprintf(l.complain, "parley: the stream was lost: %v; listening anew\n", err)
		select {
		case <-time.After(listenAgain):
		case <-ctx.Done():
			return nil
		}
	}
}

// once listens to one stream to its end, which is an error.
func (l *appListener) once(ctx context.Context, api *api, app string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, api.address+"/v1/apps/"+url.PathEscape(app)+"/deliveries/stream", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+api.token)
	response, err := api.send(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return problem(response.StatusCode, body)
	}
	fmt.Fprintln(l.complain, "parley: listening")
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mostHeard)
	name := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "event":
			name = value
		case field == "data" && name == "end":
			if strings.Contains(value, `"token"`) {
				return errToken
			}
			return errors.New("the server ended it")
		case field == "data":
			if err := l.hear(ctx, value); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// hear prints a delivery, and sends it on.
func (l *appListener) hear(ctx context.Context, data string) error {
	var heard webhooks.Heard
	if err := json.Unmarshal([]byte(data), &heard); err != nil {
		return fmt.Errorf("a delivery that cannot be read: %w", err)
	}
	if _, err := fmt.Fprintln(l.out, heard.Body); err != nil {
		return err
	}
	if l.forward == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, forwardTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.forward, strings.NewReader(heard.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Hub-Signature", heard.Signature)
	request.Header.Set("X-Hub-Signature-256", heard.Signature256)
	request.Header.Set("X-Parley-Event", heard.EventID.String())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Fprintf(l.complain, "parley: sending it on: %v\n", err)
		return nil
	}
	fmt.Fprintf(l.complain, "parley: sent on, answered with status %d\n", response.StatusCode)
	return response.Body.Close()
}
