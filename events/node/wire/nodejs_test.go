package wire

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/events/npmtest"
)

// nodeClient is EventStoreDB's own Node.js client, with its exact version.
const nodeClient = "@eventstore/db-client@6.2.1"

const compatPatience = 2 * time.Minute

// EventStoreDB protocol: its own Node.js client cannot tell the difference. It
// appends by BatchAppend, ends its subscriptions, and decides by trailers and
// details, all otherwise than the Go client.
func TestNodeJSClient(t *testing.T) {
	modules := npmtest.Install(t, nodeClient)
	s := start(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), compatPatience)
	defer cancel()
	run := exec.CommandContext(ctx, "node", filepath.Join("testdata", "nodejs", "compat.js"), s.address)
	run.Env = append(os.Environ(), "NODE_PATH="+modules)
	output, err := run.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Errorf("the client's program: %v", err)
	}
	if ran := strings.Count(string(output), "ok: "); ran < 18 {
		t.Errorf("%d tests passed", ran)
	}
}
