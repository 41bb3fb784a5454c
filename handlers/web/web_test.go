package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"parley/handlers/web"
)

var page = web.Handler()

func ask(method, path string, headers ...string) *http.Response {
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, request)
	return answer.Result()
}

func bodyOf(t *testing.T, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

var reference = regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`)

// assets are all addresses that the page loads from.
func assets(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, match := range reference.FindAllStringSubmatch(bodyOf(t, ask("GET", "/")), -1) {
		found = append(found, match[1])
	}
	if len(found) < 10 {
		t.Fatalf("the page refers to %d assets only: %v", len(found), found)
	}
	return found
}

func TestPageIsServedAtItsAddresses(t *testing.T) {
	for _, path := range []string{"/", "/growth", "/audit", "/reports"} {
		response := ask("GET", path)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", path, response.StatusCode)
		}
		for header, want := range map[string]string{
			"Content-Type":           "text/html; charset=utf-8",
			"Cache-Control":          "no-cache",
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
		} {
			if got := response.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", path, header, got, want)
			}
		}
		if again := ask("GET", path, "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: status %d for the ETag it gave, want 304", path, again.StatusCode)
		}
	}
}

func TestAssetsAreTypedAndKeptForever(t *testing.T) {
	types := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	}
	for _, path := range assets(t) {
		response := ask("GET", path)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
		want := types[path[strings.LastIndex(path, "."):]]
		if got := response.Header.Get("Content-Type"); want == "" || got != want {
			t.Errorf("%s: type %q, want %q", path, got, want)
		}
		if got := response.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
		if again := ask("GET", path, "If-None-Match", response.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: status %d for the ETag it gave, want 304", path, again.StatusCode)
		}
	}
}

func TestModulesImportOnlyEachOther(t *testing.T) {
	known := make(map[string]bool)
	for _, path := range assets(t) {
		known[path] = true
	}
	imports := regexp.MustCompile(`(?m)^import .* from '([^']+)';$`)
	for path := range known {
		if !strings.HasSuffix(path, ".js") {
			continue
		}
		folder := path[:strings.LastIndex(path, "/")+1]
		for _, match := range imports.FindAllStringSubmatch(bodyOf(t, ask("GET", path)), -1) {
			if name, local := strings.CutPrefix(match[1], "./"); !local || !known[folder+name] {
				t.Errorf("%s imports %s, which the page does not serve", path, match[1])
			}
		}
	}
}

func TestPolicyLeavesNothingInline(t *testing.T) {
	response := ask("GET", "/")
	policy := response.Header.Get("Content-Security-Policy")
	for _, directive := range []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
		"form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	} {
		if !strings.Contains(policy, directive) {
			t.Errorf("the policy %q lacks %s", policy, directive)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy %q has an exception", policy)
	}
	html := bodyOf(t, response)
	if regexp.MustCompile(`<style|style=|\son\w+=|<script[^>]*>[^<]|https?://`).MatchString(html) {
		t.Errorf("the page has something inline or from elsewhere:\n%s", html)
	}
}

func TestGzipIsTheSameContent(t *testing.T) {
	for _, path := range append(assets(t), "/") {
		zipped := ask("GET", path, "Accept-Encoding", "br, gzip;q=0.8")
		if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: headers %v, want gzip", path, zipped.Header)
		}
		reader, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		unzipped, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		plain := ask("GET", path, "Accept-Encoding", "gzip;q=0, identity")
		if plain.Header.Get("Content-Encoding") != "" || bodyOf(t, plain) != string(unzipped) {
			t.Errorf("%s: the two encodings differ", path)
		}
		if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
			t.Errorf("%s: the two encodings have one ETag", path)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	stale := regexp.MustCompile(`[0-9a-f]{24}`).ReplaceAllString(assets(t)[0], "000000000000000000000000")
	for _, path := range []string{"/nowhere", "/growth/", "/assets/", "/assets/app.js", "/page.html", "/../web.go", stale} {
		if response := ask("GET", path); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, response.StatusCode)
		}
	}
}

func TestPageIsOnlyRead(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		response := ask(method, "/")
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, response.StatusCode, response.Header.Get("Allow"))
		}
	}
	head := ask(http.MethodHead, "/")
	if head.StatusCode != http.StatusOK || bodyOf(t, head) != "" {
		t.Errorf("HEAD: status %d with a body", head.StatusCode)
	}
}
