package views

import (
	"bytes"
	"strings"
	"testing"
)

// TestErasedTextsLeaveTheIndex looks into the pages of FTS5, which keep words
// of removed texts until they are merged.
func TestErasedTextsLeaveTheIndex(t *testing.T) {
	schema := Schema{Name: "notes", Version: 1, Tables: []Table{{Name: "notes", Columns: "id BIGINT NOT NULL", Key: "id"}}, Texts: []string{"notes"}}
	store, err := NewSQLite(t.TempDir()).Open(t.Context(), schema)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Swap(t.Context()); err != nil {
		t.Fatal(err)
	}
	change := func(change func(*Tx) error) {
		t.Helper()
		if err := store.Serving().Update(t.Context(), Checkpoint{}, Checkpoint{}, change); err != nil {
			t.Fatal(err)
		}
	}
	for id := range int64(10) {
		change(func(tx *Tx) error {
			return tx.PutText(t.Context(), "notes", id, Text{Words: []string{"secret" + strings.Repeat("x", int(id)), "open"}})
		})
	}
	kept := func() bool {
		rows, err := store.Query(t.Context(), `SELECT block FROM notes_words_data`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		found := false
		for rows.Next() {
			var block []byte
			if err := rows.Scan(&block); err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(block, []byte("secret"))
		}
		return found
	}
	change(func(tx *Tx) error {
		for id := range int64(10) {
			if err := tx.RemoveText(t.Context(), "notes", id); err != nil {
				return err
			}
		}
		return tx.PutText(t.Context(), "notes", 10, Text{Words: []string{"open"}})
	})
	if !kept() {
		t.Error("nothing was left to erase")
	}
	change(func(tx *Tx) error { return tx.EraseTexts(t.Context(), "notes") })
	if kept() {
		t.Error("the index still holds the words of texts that were erased")
	}
}
