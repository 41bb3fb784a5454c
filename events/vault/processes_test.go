package vault

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"parley/events/pgtest"
)

// childVault names the vault that this test binary, run as a second process,
// seals a value with.
const childVault = "VAULT_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVault); path != "" {
		if err := sealInChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(pgtest.Main(m))
}

func sealInChild(path string) error {
	master, err := ParseMaster(masterText)
	if err != nil {
		return err
	}
	v, err := Open(context.Background(), File(path), master, Options{})
	if err != nil {
		return err
	}
	defer v.Close()
	sealed, err := v.Seal(context.Background(), alice, event, []byte("from the child"))
	fmt.Println(hex.EncodeToString(sealed))
	return err
}

func TestTwoProcessesShareAVault(t *testing.T) {
	path := newPath(t)
	v := openVault(t, File(path), Options{})
	mine := seal(t, v, alice, event, "from the parent")

	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childVault+"="+path)
	child.Stderr = os.Stderr
	output, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := hex.DecodeString(strings.TrimSpace(string(output)))
	if err != nil {
		t.Fatal(err)
	}
	mustOpen(t, v, alice, event, sealed, "from the child")
	mustOpen(t, v, alice, event, mine, "from the parent")
}
