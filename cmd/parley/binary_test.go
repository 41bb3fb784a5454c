package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/events/pgtest"
)

// The tests of the binary know of Parley what strangers know: its command
// line, what it prints, and its HTTP.

// asProgram is the variable that makes the tests' own binary the program: it is
// built as the tests are, with the race detector or without it, and only once.
const asProgram = "TEST_RUNS_PARLEY"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	benchProgram.Crowd = func(ctx context.Context) (*exec.Cmd, error) {
		crowd, err := benchCrowd(ctx)
		if err == nil {
			crowd.Env = append(os.Environ(), asProgram+"=1")
		}
		return crowd, err
	}
	os.Exit(pgtest.Main(m))
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is how long a test waits for what should come soon. It is no
// measurement: a machine may be busy.
const patience = time.Minute

// process is the binary while it runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *output
	stderr *output
	exited chan struct{}
	// code is the exit code, -1 after a signal; valid once exited is closed.
	code int
}

// start runs the binary; the variables are NAME=VALUE and added to the
// environment, which has no PARLEY_ variable else.
func start(t *testing.T, variables []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary(t), args...), stdout: newOutput(), stderr: newOutput(), exited: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PARLEY_") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(append(p.cmd.Env, asProgram+"=1"), variables...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the code says it
		p.code = p.cmd.ProcessState.ExitCode()
		p.stdout.end()
		p.stderr.end()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most have exited before
		<-p.exited
		if t.Failed() {
			t.Logf("%s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args[1:], " "), p.stdout, p.stderr)
		}
		if strings.Contains(p.stderr.String(), "WARNING: DATA RACE") {
			t.Errorf("the binary found a data race:\n%s", p.stderr)
		}
	})
	return p
}

// wait returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.code
	case <-time.After(patience):
		p.t.Fatalf("%v is still running", p.cmd.Args)
		return -1
	}
}

func (p *process) signal(signal syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
}

// stop asks the process to drain, and wants it to exit with 0.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != done {
		p.t.Fatalf("exit code %d after SIGTERM\n%s", code, p.stderr)
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait()
}

// finish runs a command to its end and wants exit code 0. It returns what the
// command printed.
func finish(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, nil, args...)
	if code := p.wait(); code != done {
		t.Fatalf("parley %s: exit code %d\n%s", strings.Join(args, " "), code, p.stderr)
	}
	return p.stdout.String()
}

// output is what a process has printed so far.
type output struct {
	mu      sync.Mutex
	printed bytes.Buffer  // guarded by mu
	ended   bool          // guarded by mu
	grown   chan struct{} // closed and replaced with each change; guarded by mu
}

func newOutput() *output { return &output{grown: make(chan struct{})} }

func (o *output) Write(chunk []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.printed.Write(chunk)
	close(o.grown)
	o.grown = make(chan struct{})
	return len(chunk), nil
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	close(o.grown)
	o.grown = make(chan struct{})
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.printed.String()
}

func (o *output) state() (printed string, ended bool, grown <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.printed.String(), o.ended, o.grown
}

// line waits for a whole line that contains a text.
func (p *process) line(from *output, text string) string {
	p.t.Helper()
	late := time.After(patience)
	for {
		printed, ended, grown := from.state()
		for line := range strings.Lines(printed) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				return strings.TrimSuffix(line, "\n")
			}
		}
		if ended {
			p.t.Fatalf("%v ended without printing %q\n%s\n%s", p.cmd.Args, text, printed, p.stderr)
		}
		select {
		case <-grown:
		case <-late:
			p.t.Fatalf("%v does not print %q\n%s\n%s", p.cmd.Args, text, printed, p.stderr)
		}
	}
}

// address waits until a server is ready.
func (p *process) address() string {
	p.t.Helper()
	_, address, _ := strings.Cut(p.line(p.stdout, "parley: listening on "), "parley: listening on ")
	return address
}

// serve runs a server on a free port, with more arguments, until the test
// stops it or ends.
func serve(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return start(t, nil, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--open-registration", "--rate", "-1"}, args...)...)
}
