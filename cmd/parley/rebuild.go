package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/events/node"
	"parley/projections"
)

func rebuildCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild [PROJECTION…]",
		Short: "Build views anew from the log, beside those that serve, and swap them at once; all if none is named",
		RunE: func(cmd *cobra.Command, args []string) error {
			return tend(cmd, c, upkeep{Projections: args})
		},
	}
}

func checkCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "check [PROJECTION…]",
		Short: "Compare views with others built anew from the log, and name the first difference; all if none is named",
		RunE: func(cmd *cobra.Command, args []string) error {
			return tend(cmd, c, upkeep{Check: true, Projections: args})
		},
	}
}

// upkeep is what is to be done about views.
type upkeep struct {
	// Check: compare them; else rebuild them.
	Check       bool     `json:"check"`
	Projections []string `json:"projections"`
}

// outcome is what came of one projection's upkeep.
type outcome struct {
	Projection string               `json:"projection"`
	Seconds    float64              `json:"seconds"`
	Checked    *projections.Checked `json:"checked,omitempty"`
	Error      string               `json:"error,omitempty"`
}

// tend has the server that owns the data directory do it, or does it itself if
// none runs.
func tend(cmd *cobra.Command, c *config, asked upkeep) (err error) {
	out := &outcomes{w: cmd.OutOrStdout()}
	h, err := open(cmd.Context(), c, c.logger())
	if errors.Is(err, node.ErrInUse) {
		return out.end(askUpkeep(cmd.Context(), c, asked, out.show))
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return out.end(h.tend(cmd.Context(), asked, out.show))
}

// tend does what was asked for, one projection after the other, and tells what
// came of each.
func (h *house) tend(ctx context.Context, asked upkeep, tell func(outcome)) error {
	names := h.views.Names()
	for _, name := range asked.Projections {
		if !slices.Contains(names, name) {
			return misused("there is no projection %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if len(asked.Projections) > 0 {
		names = asked.Projections
	}
	for _, name := range names {
		began := time.Now()
		done := outcome{Projection: name}
		var err error
		if asked.Check {
			var checked projections.Checked
			checked, err = h.views.Check(ctx, name)
			done.Checked = &checked
		} else {
			err = h.views.Rebuild(ctx, name)
		}
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			done.Error, done.Checked = err.Error(), nil
		}
		done.Seconds = time.Since(began).Seconds()
		tell(done)
	}
	return nil
}

// outcomes prints what came of each projection.
type outcomes struct {
	w      io.Writer
	failed bool
	err    error // of printing
}

func (o *outcomes) show(done outcome) {
	text := fmt.Sprintf("rebuilt in %.1f s", done.Seconds)
	switch c := done.Checked; {
	case done.Error != "":
		o.failed = true
		text = "failed: " + done.Error
	case c != nil && c.Difference != nil:
		o.failed = true
		text = describeDifference(c)
	case c != nil:
		text = fmt.Sprintf("the same up to position %d, digest %s", c.Position, c.Digest)
	}
	_, err := fmt.Fprintf(o.w, "%s: %s\n", done.Projection, text)
	o.err = errors.Join(o.err, err)
}

func describeDifference(c *projections.Checked) string {
	d := c.Difference
	place := fmt.Sprintf("table %s, row %s", d.Table, d.Row)
	if d.Column != "" {
		place += ", column " + d.Column
	}
	return fmt.Sprintf("differs at position %d: %s: served is %s, rebuilt is %s", c.Position, place, d.Served, d.Rebuilt)
}

func (o *outcomes) end(err error) error {
	if err == nil && o.failed {
		err = errors.New("not all views are as they should be")
	}
	return errors.Join(err, o.err)
}

// answerUpkeep answers with a line of JSON for each projection, as it is done.
// It ends with the server, which goes on with a rebuild when it starts again.
func (h *house) answerUpkeep(leaving context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked upkeep
		if err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(leaving, cancel)()
		lines, flush := json.NewEncoder(w), http.NewResponseController(w)
		err := h.tend(ctx, asked, func(done outcome) {
			h.logger.Info("upkeep of views", "check", asked.Check, "projection", done.Projection, "error", done.Error)
			_ = errors.Join(lines.Encode(done), flush.Flush()) // who does not take it has left
		})
		if misused := (misuseError{}); errors.As(err, &misused) {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		} else if err != nil {
			_ = lines.Encode(outcome{Error: "the server stops: " + err.Error()})
		}
	}
}

// askUpkeep asks the server that owns the data directory.
func askUpkeep(ctx context.Context, c *config, asked upkeep, tell func(outcome)) error {
	response, err := c.postControl(ctx, "/upkeep", asked)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		err := errors.New(strings.TrimSpace(string(text)))
		if response.StatusCode == http.StatusUnprocessableEntity {
			return misuseError{err}
		}
		return fmt.Errorf("the server says: %w", err)
	}
	lines := json.NewDecoder(response.Body)
	for {
		var done outcome
		switch err := lines.Decode(&done); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the server's answer: %w", err)
		case done.Projection == "":
			return errors.New(done.Error)
		}
		tell(done)
	}
}
