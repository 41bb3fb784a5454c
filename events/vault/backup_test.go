package vault

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestACopyOpensWhatTheVaultSealed(t *testing.T) {
	master, err := ParseMaster(strings.Repeat("07", 32))
	if err != nil {
		t.Fatal(err)
	}
	home, err := Open(t.Context(), filepath.Join(t.TempDir(), FileName), master, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	owner, event := uuid.New(), uuid.New()
	sealed, err := home.Seal(t.Context(), owner, event, []byte("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup", FileName)
	if err := home.Copy(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := home.Copy(t.Context(), path); err == nil {
		t.Error("a copy was written over another")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode is %v, %v", info.Mode(), err)
	}
	copied, err := Open(t.Context(), path, master, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if plain, err := copied.Open(t.Context(), owner, event, sealed); err != nil || string(plain) != "a secret" {
		t.Errorf("the copy opened %q, %v", plain, err)
	}
}

func TestVerifyNamesADamagedKey(t *testing.T) {
	master, err := ParseMaster(strings.Repeat("07", 32))
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(t.Context(), filepath.Join(t.TempDir(), FileName), master, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	owners := []uuid.UUID{uuid.New(), uuid.New()}
	for _, owner := range owners {
		if _, err := v.Seal(t.Context(), owner, uuid.New(), nil); err != nil {
			t.Fatal(err)
		}
	}
	var findings []string
	report := func(finding string) { findings = append(findings, finding) }
	if keys, err := v.Verify(t.Context(), report); err != nil || keys != 3 || len(findings) != 0 {
		t.Fatalf("a sound vault: %d keys, %v, findings %q", keys, err, findings)
	}
	if _, err := v.store.db.ExecContext(t.Context(), `UPDATE person_keys SET wrapped = zeroblob(60) WHERE owner = $1`, owners[1][:]); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), report); err != nil || len(findings) != 1 || !strings.Contains(findings[0], owners[1].String()) {
		t.Errorf("a damaged key: %v, findings %q", err, findings)
	}
}
