package views

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Contents are rows that the same history always leads to, in the order of
// their key, whatever lies in the tables.
type Contents struct {
	Table string
	// Columns are the rows' columns, and Key those that tell them apart.
	Columns []string
	Key     []string
	// Rows yields each row's values, as a database gives them: nil, int64,
	// string or bytes. They must not be kept.
	Rows iter.Seq2[[]any, error]
}

// AllContents are all rows of tables, as a transaction sees them.
func AllContents(ctx context.Context, tx *Tx, tables []Table) []Contents {
	contents := make([]Contents, len(tables))
	for i, table := range tables {
		contents[i] = TableContents(ctx, tx, table)
	}
	return contents
}

// TableContents are all rows of a table.
func TableContents(ctx context.Context, tx *Tx, table Table) Contents {
	c := Contents{Table: table.Name, Columns: columnNames(table.Columns), Key: columnNames(table.Key)}
	c.Rows = queried(ctx, tx, len(c.Columns), fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(c.Columns, ", "), table.Name, table.Key))
	return c
}

// queried are the rows of a query.
func queried(ctx context.Context, tx *Tx, columns int, text string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		rows, err := tx.Query(ctx, text)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		values, into := make([]any, columns), make([]any, columns)
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); !yield(values, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// columnNames are the names in a list of columns or of their definitions.
func columnNames(list string) []string {
	var names []string
	for column := range strings.SplitSeq(list, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(column), " ")
		names = append(names, name)
	}
	return names
}

// Difference is the first place at which two contents of one table differ.
type Difference struct {
	Table string
	// Key tells which row it is: its key's columns and their values.
	Key string
	// Column is where the rows differ, or empty if one side has no such row.
	Column string
	// Left and Right are what each side has there, without quoting texts,
	// which may be personal.
	Left, Right string
}

func (d *Difference) String() string {
	at := fmt.Sprintf("table %s, row %s", d.Table, d.Key)
	if d.Column != "" {
		at += ", column " + d.Column
	}
	return at
}

// Compare finds the first difference, or returns nil.
func Compare(left, right []Contents) (*Difference, error) {
	for i := range left {
		difference, err := compareTable(left[i], right[i])
		if difference != nil || err != nil {
			return difference, err
		}
	}
	return nil, nil
}

func compareTable(left, right Contents) (*Difference, error) {
	nextLeft, stopLeft := iter.Pull2(left.Rows)
	defer stopLeft()
	nextRight, stopRight := iter.Pull2(right.Rows)
	defer stopRight()
	for {
		l, leftErr, more := nextLeft()
		r, rightErr, others := nextRight()
		switch {
		case leftErr != nil:
			return nil, fmt.Errorf("table %s: %w", left.Table, leftErr)
		case rightErr != nil:
			return nil, fmt.Errorf("table %s: %w", left.Table, rightErr)
		case !more && !others:
			return nil, nil
		}
		if difference := left.compareRows(l, r, more, others); difference != nil {
			return difference, nil
		}
	}
}

// compareRows compares a row of each side, either of which may be missing.
func (c *Contents) compareRows(left, right []any, has, other bool) *Difference {
	order := 0
	if has && other {
		order = c.compareKeys(left, right)
	}
	switch {
	case !other || has && order < 0:
		return &Difference{Table: c.Table, Key: c.keyOf(left), Left: "a row", Right: "none"}
	case !has || order > 0:
		return &Difference{Table: c.Table, Key: c.keyOf(right), Left: "none", Right: "a row"}
	}
	for i, column := range c.Columns {
		if compareValues(left[i], right[i]) != 0 {
			return &Difference{c.Table, c.keyOf(left), column, describe(left[i]), describe(right[i])}
		}
	}
	return nil
}

func (c *Contents) compareKeys(left, right []any) int {
	for _, name := range c.Key {
		i := slices.Index(c.Columns, name)
		if order := compareValues(left[i], right[i]); order != 0 {
			return order
		}
	}
	return 0
}

func (c *Contents) keyOf(row []any) string {
	var parts []string
	for _, name := range c.Key {
		value := row[slices.Index(c.Columns, name)]
		if blob, ok := value.([]byte); ok {
			value = fmt.Sprintf("%x", blob)
		}
		parts = append(parts, fmt.Sprintf("%s=%v", name, value))
	}
	return strings.Join(parts, " ")
}

// compareValues orders values as the engines do; values of different types
// are in no order that matters.
func compareValues(left, right any) int {
	switch l := left.(type) {
	case int64:
		if r, ok := right.(int64); ok {
			return cmp.Compare(l, r)
		}
	case string:
		if r, ok := right.(string); ok {
			return cmp.Compare(l, r)
		}
	case []byte:
		if r, ok := right.([]byte); ok {
			return bytes.Compare(l, r)
		}
	case nil:
		if right == nil {
			return 0
		}
	}
	return cmp.Compare(fmt.Sprintf("%T", left), fmt.Sprintf("%T", right))
}

// describe shows numbers, and only the length and begin of a digest of what
// may be personal.
func describe(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case int64:
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("%d bytes of text, %s", len(v), shortDigest(v))
	case []byte:
		return fmt.Sprintf("%d bytes, %s", len(v), shortDigest(v))
	}
	return fmt.Sprintf("a %T", value)
}

func shortDigest(value any) string {
	digest := NewDigest()
	if err := digest.Add(value); err != nil {
		return err.Error()
	}
	return "digest " + digest.Sum()[:12]
}
