package messenger_test

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

// sdks are SDKs of the Messenger Platform, with their exact versions.
var sdks = []string{"messaging-api-messenger@1.1.0", "messenger-bot@2.5.0"}

const runPatience = 2 * time.Minute

// SDKs that were written for the platform cannot tell the difference: their
// base address is all that is changed.
func TestSDKsOfThePlatform(t *testing.T) {
	modules := npmtest.Install(t, sdks...)
	w := newWorld(t)
	w.CatchUp()
	picture := filepath.Join(t.TempDir(), "horse.gif")
	if err := os.WriteFile(picture, animation(t), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), runPatience)
	defer cancel()
	run := exec.CommandContext(ctx, "node", filepath.Join("testdata", "nodejs", "sdks.js"), w.URL, w.page.token, w.bot.Secret, w.page.to, picture)
	run.Env = append(os.Environ(), "NODE_PATH="+modules, "NODE_NO_WARNINGS=1")
	output, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("the SDKs' program: %v\n%s", err, output)
	}
	if ran := strings.Count(string(output), "ok: "); ran < 20 {
		t.Errorf("%d steps passed:\n%s", ran, output)
	}
}
