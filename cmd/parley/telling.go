package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"parley/events/commands"
	"parley/projections"
)

const (
	// tellEvery is how often it is looked for what conversations have not been
	// told of their orders, and tellAfter how old it is then: whoever updates an
	// order tells of it at once, unless the server dies in between or the log
	// fails.
	tellEvery = 5 * time.Second
	tellAfter = 5 * time.Second
	tellBatch = 100
)

// tellUntold tells, until the context ends, what was left untold. While the view
// of orders is being built it waits. Several servers may do so at once: what is
// told twice stands in the log once.
func tellUntold(ctx context.Context, orders *projections.Orders, write *commands.Commands, logger *slog.Logger) {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			err := tellOlder(ctx, orders, write, now.Add(-tellAfter))
			if err != nil && ctx.Err() == nil && !errors.Is(err, projections.ErrBuilding) {
				logger.WarnContext(ctx, "conversations wait to be told of their orders", "cause", err)
			}
		}
	}
}

// tellOlder tells what was recorded before a time and is untold.
func tellOlder(ctx context.Context, orders *projections.Orders, write *commands.Commands, before time.Time) error {
	var last projections.Untold
	for {
		untold, err := orders.Untold(ctx, before, last, tellBatch)
		if err != nil || len(untold) == 0 {
			return err
		}
		for _, last = range untold {
			if err := write.TellOrder(ctx, last.Order, last.Entry); err != nil {
				return err
			}
		}
	}
}
