package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/handlers"
	"parley/handlers/handlertest"
)

// patience bounds what a browser on a busy machine takes to start, and for one
// thing to appear.
const patience = time.Minute

// stage is Parley's server with the page on it, behind a door that can be
// shut.
type stage struct {
	*handlertest.House
	url  string
	shut atomic.Bool
	door *door
}

// door is a listener that can cut all connections that came through it, as
// they are when a server dies.
type door struct {
	net.Listener

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.conns = append(d.conns, conn)
	}
	return conn, err
}

func (d *door) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.conns {
		_ = conn.Close() // most are closed already
	}
	d.conns = nil
}

// lose is the server's death, as the page sees it, and find its return.
func (s *stage) lose() {
	s.shut.Store(true)
	s.door.cut()
}

func (s *stage) find() { s.shut.Store(false) }

func openStage(t *testing.T) *stage {
	s := &stage{House: handlertest.Open(t, func(o *handlers.Options) { o.Page = page })}
	s.Clock.Advance(time.Since(handlertest.Began)) // the browser's clock shows the present
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.shut.Load() {
			panic(http.ErrAbortHandler)
		}
		s.Server.ServeHTTP(w, r)
	}))
	s.door = &door{Listener: front.Listener}
	front.Listener = s.door
	front.Start()
	t.Cleanup(front.Close)
	t.Cleanup(s.door.cut)
	s.url = front.URL
	return s
}

// launch starts one browser for a test, and returns what opens tabs in it.
func launch(t *testing.T) context.Context {
	t.Helper()
	path := chromium(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(patience))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return browser
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
		t.Fatal("the page's test needs a browser: install chromium")
	}
	t.Skip("no browser found: install chromium to test the page")
	return ""
}

// tab is one window of the browser, signed in on its own.
type tab struct {
	testing.TB
	stage *stage
	ctx   context.Context
	// shutOut excuses a 404 as well: the reader is removed meanwhile, and may
	// ask for the conversation before hearing so.
	shutOut bool

	mu         sync.Mutex
	complaints []string // guarded by mu; what the page wrote to the console
}

const (
	wide   = 1280
	narrow = 390
)

// open opens a path of the page in a new window of the width given.
func (s *stage) open(t *testing.T, browser context.Context, width int64, path string) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	b := &tab{TB: t, stage: s, ctx: ctx}
	console := chromedp.Console(ctx)
	go func() {
		for message, err := range console {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.complaints = append(b.complaints, message.String())
			b.mu.Unlock()
		}
	}()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: 800, DeviceScaleFactor: 1,
		})
		return err
	}), chromedp.Navigate(s.url+path))
	t.Cleanup(b.wantNoComplaints)
	return b
}

// signIn opens the page with a client's token.
func (s *stage) signIn(t *testing.T, browser context.Context, width int64, path string, who *handlertest.Client) *tab {
	t.Helper()
	joint := "#"
	if strings.Contains(path, "#") {
		joint = "&"
	}
	return s.open(t, browser, width, path+joint+"token="+who.Token)
}

// excused are the complaints that are no fault of the page: that the server
// could not be reached, and that it refused what the reader asked for.
var excused = regexp.MustCompile(`net::ERR_|the server responded with a status of (401|409)`)

// wantNoComplaints fails the test if the page broke a rule or threw.
func (b *tab) wantNoComplaints() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		if !excused.MatchString(complaint) && !(b.shutOut && strings.Contains(complaint, "a status of 404")) {
			b.Errorf("the browser says: %s", complaint)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatalf("%v\nthe page shows: %s", err, b.shown())
	}
}

// shown is the page's text, for messages.
func (b *tab) shown() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// is waits until a JavaScript expression is true.
func (b *tab) is(expression string) {
	b.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience)))
	if err != nil {
		b.Fatalf("never true: %s: %v\nthe page shows: %s", expression, err, b.shown())
	}
}

// sees waits until an element that matches the selector holds the text.
func (b *tab) sees(selector, text string) {
	b.Helper()
	b.is("[...document.querySelectorAll(" + quoted(selector) + ")].some((e) => e.checkVisibility() && e.textContent.includes(" + quoted(text) + "))")
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// clicks clicks the first element of a kind that holds the text.
func (b *tab) clicks(selector, text string) {
	b.Helper()
	b.sees(selector, text)
	b.is("[...document.querySelectorAll(" + quoted(selector) + ")].find((e) => e.textContent.includes(" + quoted(text) + ")).click() === undefined")
}

// say writes a message and sends it.
func (b *tab) say(text string) {
	b.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(".compose-text"), text+kb.Enter))
}

func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`).Replace(text) + "'"
}
