package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"parley/events/commands"
	"parley/events/media"
	"parley/handlers"
)

const (
	// sweepEvery is how often files are looked for that nobody has sent.
	sweepEvery = 10 * time.Minute
	// straysEvery is how often the store is looked through for bytes of which
	// the log knows nothing.
	straysEvery = 24 * time.Hour
)

// openLibrary opens the files that are sent.
func (h *house) openLibrary(ctx context.Context) error {
	store, err := media.Open(ctx, h.config.mediaStore())
	if err != nil {
		return err
	}
	h.closers = append(h.closers, store)
	h.library = commands.NewLibrary(h.journal, store)
	return nil
}

// verifyMedia checks the files that the log speaks of and returns how many
// there are.
func (h *house) verifyMedia(ctx context.Context, report func(finding string)) (int, error) {
	if err := h.openLibrary(ctx); err != nil {
		return 0, err
	}
	return h.library.Verify(ctx, report)
}

// backupMedia copies the files into a new folder, unless a bucket has them.
func (h *house) backupMedia(ctx context.Context, directory string) error {
	if strings.Contains(h.config.mediaStore(), "://") {
		return nil
	}
	_, err := copyMedia(ctx, h.config.mediaStore(), directory)
	return err
}

// copyMedia copies all files of one store to another, and returns how many
// there were.
func copyMedia(ctx context.Context, fromPlace, toPlace string) (files int, err error) {
	from, err := media.Open(ctx, fromPlace)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := media.Open(ctx, toPlace)
	if err != nil {
		return 0, err
	}
	files, err = media.Copy(ctx, from, to)
	return files, errors.Join(err, to.Close())
}

// sweepMedia removes files that nobody has sent, until stop is called. What
// fails is tried again the next time.
func sweepMedia(ctx context.Context, server *handlers.Server, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	sweep := func(every time.Duration, what string, sweep func(context.Context) (int, error)) {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			count, err := sweep(ctx)
			if err != nil && ctx.Err() == nil {
				logger.Warn("removing files", "which", what, "cause", err)
			}
			if count > 0 {
				logger.Info("removed files", "which", what, "count", count)
			}
		}
	}
	running.Go(func() { sweep(sweepEvery, "unsent", server.SweepMedia) })
	running.Go(func() { sweep(straysEvery, "unknown", server.Library.SweepStrays) })
	return func() {
		cancel()
		running.Wait()
	}
}
