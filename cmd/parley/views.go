package main

import (
	"context"
	"fmt"
	"strings"

	"parley/projections/views"
)

// sqlite is the --views that live in the data directory.
const sqlite = "sqlite"

// isPostgres tells a PostgreSQL database's URL from other names of engines.
func isPostgres(engine string) bool {
	return strings.HasPrefix(engine, "postgres://") || strings.HasPrefix(engine, "postgresql://")
}

// openViews opens the engine that keeps the read models. The house closes it.
func (h *house) openViews(ctx context.Context) (views.Engine, error) {
	if h.config.views == sqlite {
		return views.NewSQLite(h.config.viewsDir()), nil
	}
	engine, err := views.OpenPostgres(ctx, h.config.views)
	if err != nil {
		return nil, fmt.Errorf("--views: %w", err)
	}
	h.closers = append(h.closers, engine)
	return engine, nil
}
