package media_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "gocloud.dev/blob/memblob"

	"parley/events"
	"parley/events/media"
)

// TestStores holds the contract of Store for each place that files can be
// kept in.
func TestStores(t *testing.T) {
	for name, location := range map[string]string{"folder": filepath.Join(t.TempDir(), "media"), "bucket": "mem://"} {
		t.Run(name, func(t *testing.T) {
			store, err := media.Open(t.Context(), location)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			}()
			if err := store.Check(t.Context()); err != nil {
				t.Errorf("a store that was just opened: %v", err)
			}
			keepsBlobs(t, store)
		})
	}
}

func keepsBlobs(t *testing.T, store media.Store) {
	first := media.Key{Media: sha256.Sum256([]byte("hello"))}
	second := media.Key{Media: first.Media, Generation: 3}
	for _, key := range []media.Key{first, second} {
		put(t, store, key, "hello")
		put(t, store, key, "hello") // a repeat
	}
	listed := make(map[media.Key]int64)
	for stored, err := range store.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		listed[stored.Key] = stored.Size
		if age := time.Since(stored.Written); age < -time.Minute || age > time.Minute {
			t.Errorf("written %s ago", age)
		}
	}
	if len(listed) != 2 || listed[first] != 5 || listed[second] != 5 {
		t.Errorf("listed %v", listed)
	}
	for range 2 {
		if err := store.Delete(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Open(t.Context(), first); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("opening what was deleted: %v", err)
	}
	blob, err := store.Open(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if blob.Size() != 5 {
		t.Errorf("size %d", blob.Size())
	}
	for _, offset := range []int64{0, 3, 1} {
		if _, err := blob.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(blob); err != nil || string(rest) != "hello"[offset:] {
			t.Errorf("from %d: %q, %v", offset, rest, err)
		}
	}
}

func put(t *testing.T, store media.Store, key media.Key, content string) {
	t.Helper()
	file, err := store.Incoming()
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(content)
	if err == nil {
		err = store.Put(t.Context(), key, file)
	}
	if err := errors.Join(err, media.Discard(file)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", file.Name(), err)
	}
}

func TestAFolderForgetsUploadsThatBrokeOff(t *testing.T) {
	folder := t.TempDir()
	store, err := media.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	old, err := store.Incoming()
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := store.Incoming()
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.Chtimes(old.Name(), past, past), old.Close(), fresh.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := media.Open(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old one is left: %v", err)
	}
	if _, err := os.Stat(fresh.Name()); err != nil {
		t.Errorf("one that may be filled now: %v", err)
	}
}

func TestDigests(t *testing.T) {
	digest := events.Digest(sha256.Sum256(nil))
	if parsed, err := events.ParseDigest(digest.String()); err != nil || parsed != digest {
		t.Errorf("%s was read as %s: %v", digest, parsed, err)
	}
	for _, text := range []string{"", "ab", digest.String() + "00", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "../../../../../../../../../../../../../../../../../../../../../../"} {
		if _, err := events.ParseDigest(text); err == nil {
			t.Errorf("%q was read as a digest", text)
		}
	}
}
