package vault

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/esdb/esdbtest"
	"parley/events/pgtest"
	"parley/events/postgres"
)

// TestContract holds both places to what a vault promises.
func TestContract(t *testing.T) {
	for _, clause := range []struct {
		name string
		hold func(t *testing.T, place Place)
	}{
		{"values outlive the process", valuesOutliveTheProcess},
		{"a wrong master key is refused", wrongMasterIsRefusedAtOpen},
		{"a newer format is refused", newerFormatIsRefused},
		{"many callers at once", manyCallersAtOnce},
		{"two make one person's key at once", twoMakeOneKey},
		{"all agree on a secret", allAgreeOnASecret},
		{"forgotten for good", forgottenForGood},
		{"forgotten is told", forgottenIsTold},
		{"forgetting whom nobody knew", forgettingWhomNobodyKnew},
		{"others forget within the bound", otherProcessesForgetWithinTheBound},
		{"forgetting beats a load under way", forgetBeatsALoadUnderWay},
		{"many forget at once", manyForgetAtOnce},
		{"a copy opens what was sealed", aCopyOpensWhatTheVaultSealed},
		{"keys travel to the other place and back", keysTravel},
		{"a damaged key is named", damagedKeyIsNamed},
	} {
		t.Run("file: "+clause.name, func(t *testing.T) { clause.hold(t, File(newPath(t))) })
		t.Run("database: "+clause.name, func(t *testing.T) { clause.hold(t, Database(pgtest.URL(t))) })
	}
}

func valuesOutliveTheProcess(t *testing.T, place Place) {
	first := openVault(t, place, Options{})
	sealed := seal(t, first, alice, event, "hello")
	name := first.Pseudonym("alice")

	second := openVault(t, place, Options{})
	mustOpen(t, second, alice, event, sealed, "hello")
	if again := second.Pseudonym("alice"); again != name || len(name) != 64 {
		t.Errorf("pseudonym %q became %q", name, again)
	}
	if second.Pseudonym("bob") == name {
		t.Error("two values have one pseudonym")
	}
}

func manyCallersAtOnce(t *testing.T, place Place) {
	options := Options{Cached: 16} // fewer than people, so that keys come and go
	vaults := []*Vault{openVault(t, place, options), openVault(t, place, options)}
	people := make([]uuid.UUID, 64)
	for i := range people {
		people[i] = uuid.New()
	}
	var group errgroup.Group
	for worker := range 16 {
		group.Go(func() error {
			writer, reader := vaults[worker%2], vaults[(worker+1)%2]
			for i := range people {
				owner, event := people[(i*7+worker)%len(people)], uuid.New()
				text := fmt.Sprintf("%d of %d", i, worker)
				sealed, err := writer.Seal(t.Context(), owner, event, []byte(text))
				if err != nil {
					return err
				}
				if plain, err := reader.Open(t.Context(), owner, event, sealed); err != nil || string(plain) != text {
					return fmt.Errorf("opened %q, %w; sealed %q", plain, err, text)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func wrongMasterIsRefusedAtOpen(t *testing.T, place Place) {
	openVault(t, place, Options{})
	other := strings.Repeat("ff", 32)
	_, err := Open(t.Context(), place, master(t, other), Options{})
	if !errors.Is(err, ErrWrongMaster) || !strings.Contains(err.Error(), place.String()) {
		t.Errorf("a wrong master key gave %v", err)
	}
	if _, err := Open(t.Context(), place, Master{}, Options{}); err == nil {
		t.Error("a vault opened without a master key")
	}
}

func forgottenForGood(t *testing.T, place Place) {
	v := openVault(t, place, Options{})
	hers, his := seal(t, v, alice, event, "hers"), seal(t, v, bob, event, "his")

	forget(t, v, alice)
	forget(t, v, alice)
	again := openVault(t, place, Options{})
	for _, v := range []*Vault{v, again} {
		mustFail(t, events.ErrForgotten, v, alice, event, hers)
		mustRefuse(t, v, alice)
		mustOpen(t, v, bob, event, his, "his")
	}
}

func forgottenIsTold(t *testing.T, place Place) {
	v := openVault(t, place, Options{})
	seal(t, v, alice, event, "hers")
	seal(t, v, bob, event, "his")
	forget(t, v, alice)
	for owner, want := range map[uuid.UUID]bool{alice: true, bob: false, uuid.New(): false} {
		if got, err := v.Forgotten(t.Context(), owner); got != want || err != nil {
			t.Errorf("forgotten is %t, %v; want %t", got, err, want)
		}
	}
}

func forgettingWhomNobodyKnew(t *testing.T, place Place) {
	v := openVault(t, place, Options{})
	forget(t, v, alice)
	mustRefuse(t, v, alice)
}

func otherProcessesForgetWithinTheBound(t *testing.T, place Place) {
	clock := &clock{now: time.Unix(1_000_000, 0)}
	options := Options{Now: clock.Now, Staleness: time.Second}
	here, there := openVault(t, place, options), openVault(t, place, options)
	for round := range 3 {
		owner := uuid.New()
		sealed := seal(t, there, owner, event, "hello")
		forget(t, here, owner)

		mustOpen(t, there, owner, event, sealed, "hello") // round's key is still held there
		clock.advance(time.Second)
		mustFail(t, events.ErrForgotten, there, owner, event, sealed)
		mustRefuse(t, there, owner)
		if there.seen != int64(round+1) {
			t.Fatalf("after %d forgettings, %d were seen", round+1, there.seen)
		}
	}
}

// A key that was read before its owner was forgotten must not be kept after.
func forgetBeatsALoadUnderWay(t *testing.T, place Place) {
	v := openVault(t, place, Options{})
	seal(t, v, alice, event, "hello")
	v.ready.Remove(alice)

	before := v.forgettings
	found, err := v.store.load(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := v.unwrap(alice, found.wrapped)
	if err != nil {
		t.Fatal(err)
	}
	forget(t, v, alice)
	if v.keep(alice, aead, before) {
		t.Error("a destroyed key was kept")
	}
	mustRefuse(t, v, alice)
}

func aCopyOpensWhatTheVaultSealed(t *testing.T, place Place) {
	home := openVault(t, place, Options{})
	sealed := seal(t, home, alice, event, "a secret")
	seal(t, home, bob, event, "his")
	forget(t, home, bob)
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
	copied := openVault(t, File(path), Options{})
	mustOpen(t, copied, alice, event, sealed, "a secret")
	mustRefuse(t, copied, bob)
}

func newerFormatIsRefused(t *testing.T, place Place) {
	v := openVault(t, place, Options{})
	if _, err := v.store.db.Exec(`UPDATE vault SET value = $1 WHERE name = 'format'`, []byte("2")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), place, master(t, masterText), Options{}); err == nil || !strings.Contains(err.Error(), place.String()) {
		t.Errorf("opening a newer format gave %v", err)
	}
}

// twoMakeOneKey has two processes seal for the same people at the same moment,
// each in another order.
func twoMakeOneKey(t *testing.T, place Place) {
	here, there := openVault(t, place, Options{}), openVault(t, place, Options{})
	people := make([]uuid.UUID, 32)
	for i := range people {
		people[i] = uuid.New()
	}
	var sealed [2][32][]byte
	var together sync.WaitGroup
	begin := make(chan struct{})
	for side, v := range []*Vault{here, there} {
		for i := range people {
			who := i
			if side == 1 {
				who = len(people) - 1 - i
			}
			together.Go(func() {
				<-begin
				sealed[side][who] = seal(t, v, people[who], event, fmt.Sprint(side))
			})
		}
	}
	close(begin)
	together.Wait()
	for i, owner := range people {
		mustOpen(t, there, owner, event, sealed[0][i], "0")
		mustOpen(t, here, owner, event, sealed[1][i], "1")
	}
}

func allAgreeOnASecret(t *testing.T, place Place) {
	var group errgroup.Group
	var got [4][]byte
	for i := range got {
		v := openVault(t, place, Options{})
		group.Go(func() (err error) {
			got[i], err = v.Secret(t.Context(), "token.key", func() ([]byte, error) { return []byte{byte(i)}, nil })
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, secret := range got {
		if len(secret) != 1 || secret[0] != got[0][0] {
			t.Errorf("the secrets differ: %v", got)
		}
	}
	v := openVault(t, place, Options{})
	if other, err := v.Secret(t.Context(), "another", func() ([]byte, error) { return []byte("x"), nil }); err != nil || string(other) != "x" {
		t.Errorf("another secret is %q, %v", other, err)
	}
}

// manyForgetAtOnce wants forgettings numbered so that nobody misses one.
func manyForgetAtOnce(t *testing.T, place Place) {
	clock := &clock{now: time.Unix(1_000_000, 0)}
	options := Options{Now: clock.Now}
	here, there, watching := openVault(t, place, options), openVault(t, place, options), openVault(t, place, options)
	people := make([]uuid.UUID, 16)
	for i := range people {
		people[i] = uuid.New()
		seal(t, watching, people[i], event, "hello")
	}
	var group errgroup.Group
	for i, owner := range people {
		group.Go(func() error { return []*Vault{here, there}[i%2].Forget(t.Context(), owner) })
	}
	watched := make(chan error, 1)
	go func() { watched <- group.Wait() }()
	for watching.seen < int64(len(people)) {
		clock.advance(time.Second)
		if err := watching.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-watched; err != nil {
		t.Fatal(err)
	}
	for _, owner := range people {
		if watching.ready.Contains(owner) {
			t.Errorf("the key of %s is still in memory", owner)
		}
	}
}

func keysTravel(t *testing.T, place Place) {
	home := openVault(t, place, Options{})
	hers := seal(t, home, alice, event, "hers")
	seal(t, home, bob, event, "his")
	forget(t, home, bob)
	for _, target := range []Place{File(newPath(t)), Database(pgtest.URL(t))} {
		for range 2 { // to do it again changes nothing
			if taken, err := Adopt(t.Context(), target, master(t, masterText), home.Travellers(t.Context())); err != nil || taken != 3 {
				t.Fatalf("%s took %d keys, %v", target, taken, err)
			}
		}
		there := openVault(t, target, Options{})
		mustOpen(t, there, alice, event, hers, "hers")
		mustRefuse(t, there, bob)
		for owner, want := range map[uuid.UUID]bool{alice: true, bob: true, uuid.New(): false} {
			if known, err := there.Knows(t.Context(), owner); err != nil || known != want {
				t.Errorf("%s knows %s: %v, %v", target, owner, known, err)
			}
		}
		if there.Pseudonym("a") != home.Pseudonym("a") {
			t.Errorf("%s has other pseudonyms", target)
		}
	}
}

func damagedKeyIsNamed(t *testing.T, place Place) {
	v := openVault(t, place, Options{})
	for _, owner := range []uuid.UUID{alice, bob} {
		seal(t, v, owner, event, "hello")
	}
	var findings []string
	report := func(finding string) { findings = append(findings, finding) }
	if keys, err := v.Verify(t.Context(), report); err != nil || keys != 3 || len(findings) != 0 {
		t.Fatalf("a sound vault: %d keys, %v, findings %q", keys, err, findings)
	}
	if _, err := v.store.db.ExecContext(t.Context(), `UPDATE person_keys SET wrapped = $1 WHERE owner = $2`, make([]byte, 60), bob[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), report); err != nil || len(findings) != 1 || !strings.Contains(findings[0], bob.String()) {
		t.Errorf("a damaged key: %v, findings %q", err, findings)
	}
}

// TestKeysInMemoryBridgeAnOutage has the database out of reach: what is known
// goes on, for as long as Options.Outage, but not for whom this process knows
// to be forgotten.
func TestKeysInMemoryBridgeAnOutage(t *testing.T) {
	direct := pgtest.URL(t)
	at, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy := esdbtest.NewProxy(t, at.Host)
	at.Host = proxy.Address()
	clock := &clock{now: time.Unix(1_000_000, 0)}
	v := openVault(t, Database(at.String()), Options{Now: clock.Now, Staleness: time.Second, Outage: time.Minute})
	hers, his := seal(t, v, alice, event, "hers"), seal(t, v, bob, event, "his")

	proxy.Refuse()
	clock.advance(30 * time.Second)
	mustOpen(t, v, alice, event, hers, "hers")
	seal(t, v, bob, another, "and more")
	if _, err := v.Seal(t.Context(), uuid.New(), event, nil); !errors.Is(err, postgres.ErrUnavailable) {
		t.Errorf("a new person's key was made without the database: %v", err)
	}
	if err := v.Forget(t.Context(), alice); !errors.Is(err, postgres.ErrUnavailable) {
		t.Errorf("a key was destroyed without the database: %v", err)
	}
	mustFail(t, postgres.ErrUnavailable, v, alice, event, hers)
	clock.advance(31 * time.Second)
	mustFail(t, postgres.ErrUnavailable, v, bob, event, his)

	proxy.Accept()
	clock.advance(time.Second)
	mustOpen(t, v, bob, event, his, "his")
	forget(t, openVault(t, Database(direct), Options{}), alice)
	clock.advance(time.Second)
	mustFail(t, events.ErrForgotten, v, alice, event, hers)
}

func TestADatabaseNeedsTheMasterKeyItWasMadeWith(t *testing.T) {
	place := Database(pgtest.URL(t))
	load := func(directory, environment string) (Master, error) {
		return place.LoadMaster(t.Context(), directory, environment, newSeeded())
	}
	first := t.TempDir()
	master, err := load(first, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(t.Context(), place, master, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := load(t.TempDir(), ""); err == nil || !strings.Contains(err.Error(), MasterVariable) {
		t.Errorf("another host made a master key of its own: %v", err)
	}
	if _, err := load(first, ""); err != nil {
		t.Errorf("the first host does not find its key: %v", err)
	}
	if _, err := load(t.TempDir(), masterText); err != nil {
		t.Errorf("a key in the environment is not taken: %v", err)
	}
}

func TestADatabaseShowsNoPassword(t *testing.T) {
	place := Database("postgres://parley:hush@db.example/chat")
	if shown := place.String(); strings.Contains(shown, "hush") || !strings.Contains(shown, "db.example") {
		t.Errorf("the place shows itself as %q", shown)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, place, master(t, masterText), Options{}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("opening it gave %v", err)
	}
}
