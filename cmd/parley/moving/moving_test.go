package moving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/cmd/parley/moving"
	"parley/events"
	"parley/events/node"
	"parley/events/vault"
)

func newLog(t testing.TB) *node.Node {
	t.Helper()
	log, err := node.Open("log", node.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

// history writes events of several streams in turn, some of them in ways that
// JSON does not keep by itself.
func history(t testing.TB, log events.Log, count int) {
	t.Helper()
	data := []string{`{"a":1}`, `{ "spaced" : true }`, `"<&>"`, "\x00\xff", ""}
	for i := range count {
		p := events.Proposed{
			ID: uuid.New(), Type: "Happened", Data: []byte(data[i%len(data)]), Metadata: []byte(`{"v":1}`), Binary: i%len(data) == 3,
		}
		if _, err := log.Append(t.Context(), fmt.Sprintf("stream-%d", i%7/2), events.Any, p); err != nil {
			t.Fatal(err)
		}
	}
}

func quiet(uint64) {}

func mustBeSame(t *testing.T, from, to events.Log) {
	t.Helper()
	if _, err := moving.Compare(t.Context(), from, events.End, to); err != nil {
		t.Error(err)
	}
}

func TestACopyIsTheSame(t *testing.T) {
	from, to := newLog(t), newLog(t)
	history(t, from, 1000)
	copied, err := moving.Copy(t.Context(), from, to, quiet)
	if err != nil || copied.Events != 1000 {
		t.Fatalf("copied %+v, %v", copied, err)
	}
	mustBeSame(t, from, to)
}

func TestACopyGoesOnWhereItWas(t *testing.T) {
	from, to := newLog(t), newLog(t)
	history(t, from, 1000)
	ctx, stop := context.WithCancel(t.Context())
	_, err := moving.Copy(ctx, from, to, func(n uint64) {
		if n >= 300 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a copy that was stopped: %v", err)
	}
	history(t, from, 50)
	copied, err := moving.Copy(t.Context(), from, to, quiet)
	if err != nil || copied.Present < 300 || copied.Present+copied.Events != 1050 {
		t.Errorf("the second run: %+v, %v", copied, err)
	}
	mustBeSame(t, from, to)

	copied, err = moving.Copy(t.Context(), from, to, quiet)
	if err != nil || copied.Events != 0 || copied.Present != 1050 {
		t.Errorf("the third run: %+v, %v", copied, err)
	}
}

func TestACopyDoesNotMixLogs(t *testing.T) {
	from, to := newLog(t), newLog(t)
	history(t, from, 10)
	history(t, to, 1)
	if _, err := moving.Copy(t.Context(), from, to, quiet); !errors.Is(err, moving.ErrDiffers) {
		t.Errorf("copying into another log: %v, want ErrDiffers", err)
	}
	if _, err := moving.Compare(t.Context(), from, events.End, to); !errors.Is(err, moving.ErrDiffers) {
		t.Errorf("comparing different logs: %v, want ErrDiffers", err)
	}
}

func export(t testing.TB, log events.Log, keys iter.Seq2[vault.WrappedKey, error]) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := moving.Export(t.Context(), log, keys, &out, quiet); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func importAll(t *testing.T, exported []byte, to events.Log) error {
	t.Helper()
	lines, err := moving.OpenLines(bytes.NewReader(exported))
	if err != nil {
		return err
	}
	_, err = moving.Import(t.Context(), lines, to, quiet)
	return err
}

func TestAnExportIsTheLog(t *testing.T) {
	from, to := newLog(t), newLog(t)
	history(t, from, 500)
	exported := export(t, from, nil)
	if n := bytes.Count(exported, []byte("\n")); n != 502 {
		t.Errorf("%d lines for 500 events", n)
	}
	if err := importAll(t, exported, to); err != nil {
		t.Fatal(err)
	}
	mustBeSame(t, from, to)
	if err := importAll(t, exported, to); err != nil {
		t.Errorf("importing again: %v", err)
	}
	mustBeSame(t, from, to)
}

func TestABrokenExportIsNotCalledWhole(t *testing.T) {
	from := newLog(t)
	history(t, from, 20)
	whole := string(export(t, from, nil))
	lines := strings.SplitAfter(whole, "\n")
	for name, broken := range map[string]string{
		"without its end":     strings.Join(lines[:15], ""),
		"cut within a line":   whole[:len(whole)/2],
		"without an event":    strings.Join(append(append([]string{}, lines[:21]...), lines[22:]...), ""),
		"with a changed type": strings.Replace(whole, "Happened", "Hoppened", 1),
		"without its header":  strings.Join(lines[1:], ""),
		"of nothing":          "",
	} {
		t.Run(name, func(t *testing.T) {
			if err := importAll(t, []byte(broken), newLog(t)); !errors.Is(err, moving.ErrIncomplete) {
				t.Errorf("imported with %v, want ErrIncomplete", err)
			}
		})
	}
}

func TestKeysTravelWithTheirLog(t *testing.T) {
	master, err := vault.ParseMaster(strings.Repeat("07", 32))
	if err != nil {
		t.Fatal(err)
	}
	openVault := func(path string) *vault.Vault {
		v, err := vault.Open(t.Context(), vault.File(path), master, vault.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { v.Close() })
		return v
	}
	home := openVault(filepath.Join(t.TempDir(), "vault.db"))
	owner, forgotten, event := uuid.New(), uuid.New(), uuid.New()
	sealed, err := home.Seal(t.Context(), owner, event, []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home.Seal(t.Context(), forgotten, event, []byte("gone")); err != nil {
		t.Fatal(err)
	}
	if err := home.Forget(t.Context(), forgotten); err != nil {
		t.Fatal(err)
	}

	lines, err := moving.OpenLines(bytes.NewReader(export(t, newLog(t), home.Travellers(t.Context()))))
	if err != nil || !lines.HasKeys {
		t.Fatalf("has keys %v, %v", lines.HasKeys, err)
	}
	path := filepath.Join(t.TempDir(), "vault.db")
	if taken, err := vault.Adopt(t.Context(), vault.File(path), master, lines.Keys()); err != nil || taken != 3 {
		t.Fatalf("took %d keys, %v", taken, err)
	}
	if _, err := moving.Import(t.Context(), lines, newLog(t), quiet); err != nil {
		t.Fatal(err)
	}
	away := openVault(path)
	plain, err := away.Open(t.Context(), owner, event, sealed)
	if err != nil || string(plain) != "a secret" {
		t.Errorf("opened %q, %v", plain, err)
	}
	if away.Pseudonym("ada") != home.Pseudonym("ada") {
		t.Error("a handle has another pseudonym in the new house")
	}
	if _, err := away.Seal(t.Context(), forgotten, event, nil); !errors.Is(err, events.ErrForgotten) {
		t.Errorf("the forgotten person: %v, want ErrForgotten", err)
	}
	stranger, err := vault.ParseMaster(strings.Repeat("08", 32))
	if err != nil {
		t.Fatal(err)
	}
	_, err = vault.Adopt(t.Context(), vault.File(filepath.Join(t.TempDir(), "vault.db")), stranger, home.Travellers(t.Context()))
	if !errors.Is(err, vault.ErrWrongMaster) {
		t.Errorf("under another master key: %v, want ErrWrongMaster", err)
	}
}

// FuzzLines reads what need not be an export: what is called whole has the
// events that its last line counts.
func FuzzLines(f *testing.F) {
	log := newLog(f)
	history(f, log, 3)
	whole := export(f, log, nil)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(export(f, newLog(f), nil))
	f.Add([]byte(`{"parley":{"format":1,"keys":true}}{"key":{}}{"event":{"dataBase64":"?"}}`))
	f.Add([]byte(`{"parley":{"format":2}}`))
	f.Add([]byte(`{"event":null}`))
	f.Fuzz(func(t *testing.T, exported []byte) {
		lines, err := moving.OpenLines(bytes.NewReader(exported))
		if err != nil {
			return
		}
		digest := moving.NewDigest()
		for recorded, err := range lines.Events() {
			if err != nil {
				return
			}
			digest.Add(recorded)
		}
		var last struct {
			End struct {
				Events uint64
				Digest string
			}
		}
		for in := json.NewDecoder(bytes.NewReader(exported)); last.End.Digest == ""; {
			if err := in.Decode(&last); err != nil {
				t.Fatalf("an export without an end is called whole: %v", err)
			}
		}
		if last.End.Events != digest.Count() || last.End.Digest != digest.String() {
			t.Errorf("%d events with digest %s came of an export that ends with %+v", digest.Count(), digest, last.End)
		}
	})
}
