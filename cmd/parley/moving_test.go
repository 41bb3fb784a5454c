package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/events/pgtest"
)

// talked is a data directory in which ada has talked to bob.
type talked struct {
	data, room, ada string
}

// talk serves a new data directory for one conversation and stops.
func talk(t *testing.T) talked {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	p := serve(t, data, "--open-registration")
	ada, bob := register(t, p.address(), "ada"), register(t, p.address(), "bob")
	room := ada.begin("", bob)
	ada.say(room, "Dinner at eight?")
	bob.say(room, "At nine.")
	p.stop()
	return talked{data, room, ada.id}
}

// mustReadAs serves a data directory and reads the conversation there.
func (w talked) mustReadAs(t *testing.T, data string) {
	t.Helper()
	p := serve(t, data)
	ada := holder(t, p.address(), data, "--user", w.ada)
	lines := ada.transcript(w.room)
	if len(lines) != 2 || !strings.Contains(lines[0].Text+lines[1].Text, "Dinner at eight?") {
		t.Errorf("the conversation reads %+v", lines)
	}
	p.stop()
}

// handMaster does what an operator does by hand.
func (w talked) handMaster(t *testing.T, data string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(w.data, "vault", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(data, "vault"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "vault", "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAHouseMovesByExport(t *testing.T) {
	w := talk(t)
	file := filepath.Join(t.TempDir(), "parley.jsonl")
	finish(t, "export", "--data", w.data, file)

	target := filepath.Join(t.TempDir(), "data")
	refused := start(t, nil, "import", "--data", target, "--format", "jsonl", file)
	if code := refused.wait(); code != failed || !strings.Contains(refused.stderr.String(), "master.key") {
		t.Errorf("without the master key: exit code %d, %s", code, refused.stderr)
	}
	w.handMaster(t, target)
	if out := finish(t, "import", "--data", target, "--format", "jsonl", file); !strings.Contains(out, "imported: 7 events, 3 keys") {
		t.Errorf("the import says %q", out)
	}
	w.mustReadAs(t, target)

	bare := filepath.Join(t.TempDir(), "bare.jsonl")
	finish(t, "export", "--without-keys", "--data", w.data, bare)
	keyless := filepath.Join(t.TempDir(), "data")
	for said, args := range map[string][]string{
		"not complete":            {"import", "--data", keyless, "--format", "jsonl", bare},
		"there is nothing to exp": {"export", "--data", filepath.Join(t.TempDir(), "nothing")},
	} {
		if p := start(t, nil, args...); p.wait() != failed || !strings.Contains(p.stderr.String(), said) {
			t.Errorf("%v says %s", args, p.stderr)
		}
	}
	if p := start(t, nil, "verify", "--data", keyless); p.wait() != failed || !strings.Contains(p.stderr.String(), "names and texts of 2 people cannot be read") {
		t.Errorf("verify without keys says %s", p.stderr)
	}
	master := filepath.Join(keyless, "vault", "master.key")
	if err := os.MkdirAll(filepath.Dir(master), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(master, []byte(strings.Repeat("0f", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := start(t, nil, "copy", "--from", w.data, "--to", keyless); p.wait() != failed || !strings.Contains(p.stderr.String(), "move it away: "+master) {
		t.Errorf("a copy to another master key says %s", p.stderr)
	}
}

func TestAHouseMovesToAClusterAndBack(t *testing.T) {
	w := talk(t)
	cluster := start(t, nil, "node", "--data", filepath.Join(t.TempDir(), "cluster"), "--listen", "127.0.0.1:0")
	line := cluster.line(cluster.stdout, "node listening on ")
	address := "esdb://" + strings.TrimSpace(line[strings.LastIndex(line, " "):]) + "?tls=false"

	keys, back := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "data")
	p := start(t, nil, "copy", "--from", w.data, "--to", address)
	if code := p.wait(); code != failed || !strings.Contains(p.stderr.String(), "not complete") {
		t.Errorf("a copy without keys: exit code %d, %s", code, p.stderr)
	}
	if out := finish(t, "copy", "--from", w.data, "--to", address, "--to-keys", keys); !strings.Contains(out, "copied: 0 events, 7 were there already, 3 keys") {
		t.Errorf("the second copy says %q", out)
	}
	if out := finish(t, "copy", "--from", w.data, "--to", address, "--to-keys", w.data); !strings.Contains(out, "0 keys") {
		t.Errorf("a copy whose keys stay says %q", out)
	}
	w.handMaster(t, keys)
	if out := finish(t, "copy", "--from", address, "--from-keys", keys, "--to", back); !strings.Contains(out, "copied: 7 events") {
		t.Errorf("the way back says %q", out)
	}
	cluster.stop()
	w.handMaster(t, back)
	w.mustReadAs(t, back)
}

// TestKeysMoveToPostgres has a house go on with its views, keys and tokens in
// PostgreSQL, and come back from there.
func TestKeysMoveToPostgres(t *testing.T) {
	views := pgtest.URL(t)
	w := talk(t)
	ada := holder(t, "", w.data, "--user", w.ada)
	refused := start(t, nil, "serve", "--data", w.data, "--listen", "127.0.0.1:0", "--views", views)
	if code := refused.wait(); code != failed || !strings.Contains(refused.stderr.String(), "--to-keys") {
		t.Errorf("before the keys are there: exit code %d, %s", code, refused.stderr)
	}
	if out := finish(t, "copy", "--from-keys", w.data, "--to-keys", views); out != "copied: 3 keys\n" {
		t.Errorf("copying the keys says %q", out)
	}
	p := serve(t, w.data, "--views", views)
	ada.address = p.address()
	ada.eventually("/v1/conversations/" + w.room)
	if lines := ada.transcript(w.room); len(lines) != 2 || lines[0].Text+lines[1].Text == "" {
		t.Errorf("the conversation reads %+v", lines)
	}
	ada.token = holder(t, "", w.data, "--views", views, "--user", w.ada).token
	ada.say(w.room, "The keys have moved.")
	p.stop()

	wrong := start(t, []string{"PARLEY_MASTER_KEY=" + strings.Repeat("ab", 32)}, "token", "--data", t.TempDir(), "--views", views, "--user", w.ada)
	if code := wrong.wait(); code != failed || !strings.Contains(wrong.stderr.String(), "PARLEY_MASTER_KEY") {
		t.Errorf("with another master key: exit code %d, %s", code, wrong.stderr)
	}
	without := start(t, nil, "token", "--data", t.TempDir(), "--views", views, "--user", w.ada)
	if code := without.wait(); code != failed || !strings.Contains(without.stderr.String(), "PARLEY_MASTER_KEY") {
		t.Errorf("without a master key: exit code %d, %s", code, without.stderr)
	}

	backup, back := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
	finish(t, "backup", "--data", w.data, "--views", views, backup)
	w.handMaster(t, back)
	if out := finish(t, "copy", "--from", backup, "--from-keys", views, "--to", back); !strings.Contains(out, "3 keys") {
		t.Errorf("the way back says %q", out)
	}
	w.handMaster(t, backup)
	for _, data := range []string{backup, back} {
		if out := finish(t, "verify", "--data", data); !strings.Contains(out, "3 keys, 0 files, nothing wrong") {
			t.Errorf("verify says %q", out)
		}
	}
}

func TestABackupIsTakenWhileServing(t *testing.T) {
	w := talk(t)
	p := serve(t, w.data)
	ada := holder(t, p.address(), w.data, "--user", w.ada)
	ada.ask(http.StatusCreated, "POST", "/v1/media", "a file")
	backup := filepath.Join(t.TempDir(), "backup")
	finish(t, "backup", "--data", w.data, backup)
	again := start(t, nil, "backup", "--data", w.data, backup)
	if code := again.wait(); code != failed || !strings.Contains(again.stderr.String(), "exists already") {
		t.Errorf("over another backup: exit code %d, %s", code, again.stderr)
	}
	if left, err := filepath.Glob(backup + ".part"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	ada.say(w.room, "This comes after the backup.")
	p.stop()

	w.handMaster(t, backup)
	if out := finish(t, "verify", "--data", backup); !strings.Contains(out, "1 files, nothing wrong") {
		t.Errorf("verify says %q", out)
	}
	w.mustReadAs(t, backup)

	if copied, err := filepath.Glob(filepath.Join(backup, deliveriesFolder, "*.db")); err != nil || len(copied) != 1 {
		t.Errorf("the backup has the deliveries %v, %v", copied, err)
	}
	if left, err := os.ReadDir(filepath.Dir(backup)); err != nil || len(left) != 1 {
		t.Errorf("beside the backup are %v, %v", left, err)
	}

	moved := filepath.Join(t.TempDir(), "moved")
	w.handMaster(t, moved)
	if out := finish(t, "copy", "--from", backup, "--to", moved); !strings.Contains(out, "3 keys, 1 files") {
		t.Errorf("the copy of a house with a file says %q", out)
	}
	if out := finish(t, "verify", "--data", moved); !strings.Contains(out, "1 files, nothing wrong") {
		t.Errorf("verify says %q", out)
	}

	files, err := filepath.Glob(filepath.Join(backup, "media", "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the backup has the files %v, %v", files, err)
	}
	for damage, do := range map[string]func() error{
		"holds other bytes": func() error { return os.WriteFile(files[0], []byte("another"), 0o600) },
		"is missing":        func() error { return os.Remove(files[0]) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		p := start(t, nil, "verify", "--data", backup)
		if code := p.wait(); code != failed || !strings.Contains(p.stdout.String(), damage) {
			t.Errorf("a file that %s: exit code %d, %s", damage, code, p.stdout)
		}
	}
}

func TestVerifyNamesWhatIsDamaged(t *testing.T) {
	w := talk(t)
	missing := start(t, nil, "verify", "--data", filepath.Join(t.TempDir(), "nothing"))
	if code := missing.wait(); code != failed {
		t.Errorf("verifying nothing: exit code %d", code)
	}
	if out := finish(t, "verify", "--data", w.data); !strings.Contains(out, "verified: 7 positions, 3 keys, 0 files, nothing wrong") {
		t.Errorf("a sound directory: %q", out)
	}
	damage(t, w.data)
	p := start(t, nil, "verify", "--data", w.data)
	if code := p.wait(); code != failed {
		t.Errorf("a damaged directory: exit code %d\n%s%s", code, p.stdout, p.stderr)
	}
	if told := p.stdout.String() + p.stderr.String(); !strings.Contains(told, ".sst") {
		t.Errorf("the damaged file is not named: %s", told)
	}
}

// damage flips bytes in the middle of every table of the log.
func damage(t *testing.T, data string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(data, "log", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("the log has no tables: %v", err)
	}
	for _, table := range tables {
		content, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(200, len(content)/2) {
			content[i] ^= 0x5a
		}
		if err := os.WriteFile(table, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
