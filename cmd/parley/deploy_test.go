package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"parley/events/vault"
)

// The files in deploy/ cannot all be run here. What they say of Parley is held
// against Parley itself.

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func deployedYAML(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(deployed(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

type composeService struct {
	Image     string            `yaml:"image"`
	Command   []string          `yaml:"command"`
	DependsOn map[string]any    `yaml:"depends_on"`
	Env       map[string]string `yaml:"environment"`
	Secrets   []string          `yaml:"secrets"`
	Volumes   []string          `yaml:"volumes"`
}

func TestComposeNamesWhatIsThere(t *testing.T) {
	var compose struct {
		Services map[string]composeService        `yaml:"services"`
		Volumes  map[string]any                   `yaml:"volumes"`
		Secrets  map[string]struct{ File string } `yaml:"secrets"`
	}
	deployedYAML(t, "compose.yaml", &compose)
	if len(compose.Services) < 8 {
		t.Fatalf("there are %d services", len(compose.Services))
	}
	for name, service := range compose.Services {
		if service.Image == "" {
			t.Errorf("%s has no image", name)
		}
		for other := range service.DependsOn {
			if _, there := compose.Services[other]; !there {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for _, secret := range service.Secrets {
			if _, there := compose.Secrets[secret]; !there {
				t.Errorf("%s wants the secret %s", name, secret)
			}
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if file, mounted := strings.CutPrefix(source, "./"); mounted {
				deployed(t, file)
			} else if _, there := compose.Volumes[source]; !there {
				t.Errorf("%s wants the volume %s", name, source)
			}
		}
	}
	for name, secret := range compose.Secrets {
		if secret.File != "./secrets/"+name || !strings.Contains(deployed(t, "prepare.sh"), "make_secret "+name+" ") {
			t.Errorf("nothing makes the secret %s in %s", name, secret.File)
		}
	}
}

// TestDeployedCommandsParse has every command line of Parley's parsed by Parley.
func TestDeployedCommandsParse(t *testing.T) {
	lines := regexp.MustCompile(`(?m)\bparley ((?:serve|node|rebuild|check|token|copy|backup)\b[^\n"` + "`" + `;]*)`)
	found := 0
	for _, name := range []string{"compose.yaml", "parley.service"} {
		for _, match := range lines.FindAllStringSubmatch(deployed(t, name), -1) {
			found++
			command, rest, err := newRoot().Find(strings.Fields(match[1]))
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err == nil {
				err = command.ValidateArgs(command.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: parley %s: %v", name, match[1], err)
			}
		}
	}
	if found < 2 {
		t.Errorf("only %d command lines were found", found)
	}
}

func TestDeployedVariablesAreRead(t *testing.T) {
	known := map[string]bool{vault.MasterVariable: true, "PARLEY_SITE": true /* Caddy's */}
	for _, command := range newRoot().Commands() {
		for _, flags := range []*pflag.FlagSet{command.Flags(), command.InheritedFlags()} {
			flags.VisitAll(func(flag *pflag.Flag) { known[variable(flag.Name)] = true })
		}
	}
	for _, name := range []string{"compose.yaml", "parley.service", "prepare.sh", "Caddyfile", "Dockerfile"} {
		for _, used := range regexp.MustCompile(`\bPARLEY_[A-Z_]+`).FindAllString(deployed(t, name), -1) {
			if !known[used] {
				t.Errorf("%s sets %s, which nobody reads", name, used)
			}
		}
	}
}

// TestDeployedMetricsExist compares the names in alerts and dashboard with what
// a server shows once it was asked for something.
func TestDeployedMetricsExist(t *testing.T) {
	metric := regexp.MustCompile(`\b(?:parley|process|go)_[a-z_]+\b`)
	shown, documented := exercised(t)
	for expression := range deployedExpressions(t) {
		for _, name := range metric.FindAllString(expression, -1) {
			if !strings.Contains(shown, "\n"+name+"{") && !strings.Contains(shown, "\n"+name+" ") {
				t.Errorf("there is no metric %s, of %s", name, expression)
			}
		}
		for _, route := range regexp.MustCompile(`route="([^"]+)"`).FindAllStringSubmatch(expression, -1) {
			if _, there := documented[route[1]]; !there {
				t.Errorf("there is no route %s, of %s", route[1], expression)
			}
		}
		for _, pair := range []string{"()", "{}", "[]"} {
			if strings.Count(expression, pair[:1]) != strings.Count(expression, pair[1:]) {
				t.Errorf("%s are not in pairs in %s", pair, expression)
			}
		}
	}
}

// exercised is the metrics of a server that has answered, and its routes.
func exercised(t *testing.T) (metrics string, routes map[string]any) {
	t.Helper()
	h, err := open(t.Context(), &config{data: t.TempDir(), eventstore: embedded, views: sqlite}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}()
	handler, err := h.handler()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) string {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusOK {
			t.Fatalf("%s: status %d", path, answer.Code)
		}
		return answer.Body.String()
	}
	var description struct{ Paths map[string]any }
	if err := json.Unmarshal([]byte(ask("/openapi.json")), &description); err != nil {
		t.Fatal(err)
	}
	return ask("/metrics"), description.Paths
}

// deployedExpressions are those of Prometheus in alerts and dashboard, and
// where each is.
func deployedExpressions(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	deployedYAML(t, "alerts.yaml", &alerts)
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || rule.Annotations["summary"] == "" {
				t.Errorf("an alert has no name or no summary: %+v", rule)
			}
			found[rule.Expr] = rule.Alert
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(deployed(t, "dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			found[target.Expr] = panel.Title
		}
	}
	if len(found) < 15 || slices.Contains(slices.Collect(maps.Keys(found)), "") {
		t.Errorf("there are %d expressions", len(found))
	}
	return found
}

func TestUnitFileIsSound(t *testing.T) {
	text := deployed(t, "parley.service")
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = line
		case !regexp.MustCompile(`^[A-Z][A-Za-z]+=`).MatchString(line) || !slices.Contains([]string{"[Unit]", "[Service]", "[Install]"}, section):
			t.Errorf("%q in section %q is no directive", line, section)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // nobody else knows the directives
	}
	path := filepath.Join(t.TempDir(), "parley.service")
	text = strings.ReplaceAll(text, "/usr/local/bin/parley", os.Args[0]) // a program that is there
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || strings.Contains(string(out), "parley.service") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// TestSecretsAndCertificatesAreMade runs both scripts, each twice: what is there
// stays.
func TestSecretsAndCertificatesAreMade(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip("there is no openssl")
	}
	dir := t.TempDir()
	for _, name := range []string{"prepare.sh", "certificates.sh"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(deployed(t, name)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	made := func() string {
		for _, args := range [][]string{{"./prepare.sh"}, {"./certificates.sh", dir + "/certificates", "node1", "node2"}} {
			script := exec.Command("/bin/sh", args...)
			script.Dir = dir
			if out, err := script.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, out)
			}
		}
		var all strings.Builder
		for _, name := range []string{".env", "secrets/master_key", "secrets/postgres_password", "certificates/node1/node.crt"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	if first := made(); made() != first {
		t.Error("the second run has made something anew")
	}
	key, err := os.ReadFile(filepath.Join(dir, "secrets", "master_key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vault.ParseMaster(string(key)); err != nil {
		t.Error(err)
	}
	authority := x509.NewCertPool()
	authority.AddCert(nodeCertificate(t, dir, "trusted/ca.crt"))
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		node := nodeCertificate(t, dir, "node2/node.crt")
		if _, err := node.Verify(x509.VerifyOptions{Roots: authority, DNSName: "node2", KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Error(err)
		}
		if node.Subject.CommonName != "eventstoredb-node" {
			t.Errorf("the node's name is %s", node.Subject)
		}
	}
}

func nodeCertificate(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "certificates", name))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no certificate", name)
	}
	found, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
