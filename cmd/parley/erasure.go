package main

import (
	"context"
	"sync"
)

// finishErasures carries out what follows from the erasure of users until the
// context ends or what it returns is called.
func finishErasures(ctx context.Context, h *house) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { h.commands.FinishErasures(ctx, h.views.Erasures(), h.logger) })
	return func() {
		cancel()
		running.Wait()
	}
}
