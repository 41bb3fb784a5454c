package views

import "testing"

func TestStatementsAreQualified(t *testing.T) {
	tables := map[string]bool{"messages": true, "active": true, "keyed": true}
	for _, test := range []struct{ text, want string }{
		{"SELECT messages FROM messages", "SELECT messages FROM s.messages"},
		{"SELECT m.first FROM\n\tmessages m JOIN keyed k ON k.id = m.id", "SELECT m.first FROM\n\ts.messages m JOIN s.keyed k ON k.id = m.id"},
		{"select 1 from messages where text = 'from messages' and \"from\" = 1", "select 1 from s.messages where text = 'from messages' and \"from\" = 1"},
		{"INSERT INTO active (users) VALUES ($1) ON CONFLICT (users) DO UPDATE SET users = active.users + excluded.users",
			"INSERT INTO s.active (users) VALUES ($1) ON CONFLICT (users) DO UPDATE SET users = active.users + excluded.users"},
		{"UPDATE messages SET active = 1", "UPDATE s.messages SET active = 1"},
		{"DELETE FROM keyed WHERE id = $1", "DELETE FROM s.keyed WHERE id = $1"},
		{"SELECT * FROM (SELECT active FROM active) messages", "SELECT * FROM (SELECT active FROM s.active) messages"},
		{"CREATE INDEX IF NOT EXISTS keyed_by_id ON keyed (id)", "CREATE INDEX IF NOT EXISTS keyed_by_id ON s.keyed (id)"},
		{"SELECT 1 FROM others", "SELECT 1 FROM others"},
		{"SELECT 'it''s from messages' FROM messages", "SELECT 'it''s from messages' FROM s.messages"},
	} {
		if got := qualify(test.text, "s", tables); got != test.want {
			t.Errorf("%s\nbecame\n%s\nwant\n%s", test.text, got, test.want)
		}
	}
}

func TestTextsAreCollated(t *testing.T) {
	const columns = "id BIGINT NOT NULL, name TEXT NOT NULL,\n context TEXT"
	if got, want := collate(columns), "id BIGINT NOT NULL, name TEXT COLLATE \"C\" NOT NULL,\n context TEXT COLLATE \"C\""; got != want {
		t.Errorf("became %s", got)
	}
}
