package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestParseMaster(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	text := hex.EncodeToString(key)
	good := map[string]string{
		"hex":              text,
		"hex, upper case":  strings.ToUpper(text),
		"base64":           base64.StdEncoding.EncodeToString(key),
		"base64, unpadded": base64.RawStdEncoding.EncodeToString(key),
		"base64 of URLs":   base64.URLEncoding.EncodeToString(key),
		"with a line end":  text + "\r\n",
	}
	sealed := sealUnder(t, text)
	for name, text := range good {
		plain, err := openValue(master(t, text).aead, sealed, nil)
		if err != nil || string(plain) != "check" {
			t.Errorf("%s: another key (%v)", name, err)
		}
	}
	bad := map[string]string{
		"nothing":      "",
		"short hex":    text[2:],
		"long hex":     text + "00",
		"short base64": base64.StdEncoding.EncodeToString(key[1:]),
		"long base64":  base64.StdEncoding.EncodeToString(append(key, 1)),
		"neither":      "correct horse battery staple!",
	}
	for name, text := range bad {
		_, err := ParseMaster(text)
		if err == nil {
			t.Errorf("%s was taken", name)
		} else if text != "" && strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "32 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func sealUnder(t *testing.T, text string) []byte {
	t.Helper()
	sealed, err := sealValue(rand.Reader, master(t, text).aead, []byte("check"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func load(t *testing.T, directory, environment string) Master {
	t.Helper()
	m, err := LoadMaster(directory, environment, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMasterFileIsMadeOnce(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "vault")
	var made sync.WaitGroup
	masters := make([]Master, 8)
	for i := range masters {
		made.Go(func() { masters[i] = load(t, directory, "") })
	}
	made.Wait()
	sealed, err := sealValue(rand.Reader, masters[0].aead, []byte("check"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range masters {
		if _, err := openValue(m.aead, sealed, nil); err != nil {
			t.Error("two starts at once have two master keys")
		}
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != MasterFileName {
		t.Fatalf("the directory holds %v", entries)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMasterOfTheEnvironmentComesFirst(t *testing.T) {
	directory := t.TempDir()
	load(t, directory, "")
	if _, err := openValue(load(t, directory, masterText).aead, sealUnder(t, masterText), nil); err != nil {
		t.Error("the environment's key was not used")
	}
	_, err := LoadMaster(directory, "too short", rand.Reader)
	if err == nil || !strings.Contains(err.Error(), MasterVariable) {
		t.Errorf("a bad key in the environment gave %v", err)
	}
}

func TestMasterFileOpenToOthersIsRefused(t *testing.T) {
	directory := t.TempDir()
	load(t, directory, "")
	path := filepath.Join(directory, MasterFileName)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadMaster(directory, "", rand.Reader)
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o gave %v", mode, err)
		}
	}
}

func TestDamagedMasterFileIsNamed(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, MasterFileName)
	for _, content := range []string{"", "half a ke", strings.Repeat("f", 4096)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMaster(directory, "", rand.Reader); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes gave %v", len(content), err)
		}
	}
}

func TestLostMasterIsNotReplaced(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "vault")
	m := load(t, directory, "")
	v, err := Open(t.Context(), File(filepath.Join(directory, FileName)), m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, MasterFileName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMaster(directory, "", rand.Reader); err == nil || !strings.Contains(err.Error(), "restore "+path) {
		t.Errorf("a vault without its key gave %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a new key was made for an old vault")
	}
}
