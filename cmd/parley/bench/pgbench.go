package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"parley/events/postgres"
	"parley/projections"
)

const (
	// pgbenchScripts is how many pages pgbench asks for by turns: it takes no
	// more scripts.
	pgbenchScripts = 128
	// pgbenchClients is how many of its connections ask at a time: as many as
	// Parley has for reading.
	pgbenchClients = 16
)

// pgbench is PostgreSQL's own benchmark, asking for pages by the statement that
// Parley reads them with.
type pgbench struct {
	program string
	env     []string
	args    []string
}

// newPgbench prepares what asks for the rooms' pages, or for the first of them.
func (r *reading) newPgbench(ctx context.Context, rooms []int) (*pgbench, error) {
	program, err := exec.LookPath("pgbench")
	if err != nil {
		return nil, fmt.Errorf("pages in PostgreSQL are measured against its own pgbench: %w", err)
	}
	database, err := r.options.database("")
	if err != nil {
		return nil, err
	}
	schema, err := r.viewSchema(ctx)
	if err != nil {
		return nil, err
	}
	b := &pgbench{
		program: program,
		env:     append(os.Environ(), "PGOPTIONS=-c search_path="+schema),
		args: []string{
			"--no-vacuum", "--protocol=prepared",
			fmt.Sprintf("--client=%d", pgbenchClients), "--jobs=2",
			// Rounds are of whole seconds here.
			fmt.Sprintf("--time=%d", max(1, int(math.Ceil(r.options.Duration.Seconds())))),
		},
	}
	for i, room := range rooms[:min(len(rooms), pgbenchScripts)] {
		path := filepath.Join(r.options.Dir, fmt.Sprintf("page-%d.sql", i))
		statement, parameters := projections.PageSQL(r.town.rooms[room], pageLimit)
		if err := os.WriteFile(path, []byte(inlined(statement, parameters)), 0o600); err != nil {
			return nil, err
		}
		b.args = append(b.args, "--file="+path)
	}
	b.args = append(b.args, database)
	return b, nil
}

// viewSchema is where the view of conversations is.
func (r *reading) viewSchema(ctx context.Context) (schema string, err error) {
	config, _, err := postgres.Config(r.options.Postgres)
	if err != nil {
		return "", err
	}
	db, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close(ctx)) }()
	err = db.QueryRow(ctx, `SELECT table_schema FROM information_schema.columns
		WHERE table_name = 'messages' AND column_name = 'lines' AND starts_with(table_schema, $1)`, schemaName(readingHouse)).Scan(&schema)
	return schema, err
}

// inlined is a statement with its parameters written into it.
func inlined(statement string, parameters []any) string {
	for i, p := range parameters {
		text := fmt.Sprint(p)
		if bytes, ok := p.([]byte); ok {
			text = fmt.Sprintf(`'\x%x'::bytea`, bytes)
		}
		statement = strings.ReplaceAll(statement, fmt.Sprint("$", i+1), text)
	}
	return strings.Join(strings.Fields(statement), " ") + ";\n"
}

var transactions = regexp.MustCompile(`(?m)^tps = ([0-9.]+) `)

// rate runs a round, and returns its queries a second.
func (b *pgbench) rate(ctx context.Context) (float64, error) {
	run := exec.CommandContext(ctx, b.program, b.args...)
	run.Env = b.env
	told, err := run.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, told)
	}
	found := transactions.FindSubmatch(told)
	if found == nil {
		return 0, fmt.Errorf("pgbench told no rate: %s", told)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
