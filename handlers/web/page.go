package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

//go:embed page.html assets
var files embed.FS

// contentTypes are stated here because the system's own table of types
// differs from machine to machine.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// newPage makes every address of the page from its files. The files are part
// of the program, so one that is unfit is a bug and panics at start.
func newPage(source fs.FS) map[string]*resource {
	assets := readAssets(source)
	base := "/assets/" + hashOf(assets) + "/"
	page := make(map[string]*resource, len(assets)+4)
	var modules []string
	for _, a := range assets {
		page[base+a.name] = newResource(contentTypes[path.Ext(a.name)], forever, a.body)
		if strings.HasSuffix(a.name, ".js") {
			modules = append(modules, a.name)
		}
	}
	document := newResource("text/html; charset=utf-8", revalidate, document(source, base, modules))
	for _, address := range []string{"/", "/growth", "/audit", "/reports"} {
		page[address] = document
	}
	return page
}

type asset struct {
	name string
	body []byte
}

// readAssets reads everything under assets, in the order of names.
func readAssets(source fs.FS) []asset {
	entries, err := fs.ReadDir(source, "assets")
	if err != nil {
		panic(fmt.Errorf("reading the page's assets: %w", err))
	}
	var assets []asset
	for _, entry := range entries {
		body, err := fs.ReadFile(source, "assets/"+entry.Name())
		if err != nil {
			panic(fmt.Errorf("reading the page's assets: %w", err))
		}
		if contentTypes[path.Ext(entry.Name())] == "" {
			panic(fmt.Errorf("the page's asset %s is of no known type", entry.Name()))
		}
		assets = append(assets, asset{entry.Name(), body})
	}
	return assets
}

// hashOf names the assets by what they hold: modules import each other by
// relative address, so one hash for all keeps every import in step.
func hashOf(assets []asset) string {
	h := sha256.New()
	for _, a := range assets {
		fmt.Fprintf(h, "%s %d\n", a.name, len(a.body))
		h.Write(a.body)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// document is the HTML that loads the assets from base.
func document(source fs.FS, base string, modules []string) []byte {
	var out bytes.Buffer
	err := template.Must(template.ParseFS(source, "page.html")).Execute(&out, map[string]any{
		"Base":    base,
		"Modules": modules,
	})
	if err != nil {
		panic(fmt.Errorf("writing the page: %w", err))
	}
	return out.Bytes()
}

func newResource(contentType, caching string, body []byte) *resource {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:12])
	return &resource{
		contentType: contentType,
		caching:     caching,
		plain:       encoded{body, `"` + tag + `"`},
		gzipped:     encoded{compress(body), `"` + tag + `-gzip"`},
	}
}

// compress writes to memory, where nothing can fail but the compression level.
func compress(body []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err)
	}
	w.Write(body)
	w.Close()
	return out.Bytes()
}
