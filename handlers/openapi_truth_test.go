package handlers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"parley/handlers/handlertest"
)

// described is the part of the OpenAPI description that requests and answers
// are held against.
type described struct {
	Paths map[string]map[string]struct {
		Parameters  []struct{ Name, In string }
		RequestBody *struct {
			Required bool
			Content  map[string]describedContent
		}
		Responses map[string]struct{ Content map[string]describedContent }
	}
}

type describedContent struct{ Schema json.RawMessage }

// truth holds requests and answers against the OpenAPI description that a
// house serves. It belongs to the goroutine of its test.
type truth struct {
	rapid.TB
	described
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// document is what the description is called where its schemas are compiled.
const document = "https://parley.example/openapi.json"

// readTruth reads the description and compiles all its components. What is
// answered may get more fields in time, but each that there is has to be
// described, so the objects are closed here.
func readTruth(t rapid.TB, h *handlertest.House) *truth {
	t.Helper()
	d := &truth{TB: t, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	served := h.Nobody().Get("/openapi.json").Want(http.StatusOK)
	served.Into(&d.described)
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(served.Body))
	if err != nil {
		t.Fatal(err)
	}
	schemas := whole.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, schema := range schemas {
		schema := schema.(map[string]any)
		if _, open := schema["additionalProperties"]; !open && schema["properties"] != nil {
			schema["additionalProperties"] = false
		}
	}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(document, whole); err != nil {
		t.Fatal(err)
	}
	for name := range schemas {
		d.schema("components", "schemas", name)
	}
	return d
}

// schema compiles the schema at a place of the description.
func (d *truth) schema(place ...string) *jsonschema.Schema {
	d.Helper()
	at := document + "#"
	for _, step := range place {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(step)
	}
	schema := d.compiled[at]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(at); err != nil {
			d.Fatalf("the schema at %s: %v", at, err)
		}
		d.compiled[at] = schema
	}
	return schema
}

// request holds a body that is in order against the operation's requestBody.
func (d *truth) request(route, body string) {
	d.Helper()
	method, path, _ := strings.Cut(route, " ")
	method = strings.ToLower(method)
	operation, ok := d.Paths[path][method]
	if !ok {
		d.Errorf("%s is not in the OpenAPI description", route)
		return
	}
	for _, parameter := range operation.Parameters {
		if parameter.In == "path" && !strings.Contains(path, "{"+parameter.Name+"}") {
			d.Errorf("%s: its path has no parameter %s, as is documented", route, parameter.Name)
		}
	}
	asked := operation.RequestBody
	switch {
	case asked == nil && body == "":
	case asked == nil:
		d.Errorf("%s takes a body, which is not documented", route)
	case body == "" && asked.Required:
		d.Errorf("%s does without the body that is documented as required", route)
	case body != "":
		if _, ok := asked.Content["application/json"]; ok {
			d.validate(route+": the request", body, "paths", path, method, "requestBody", "content", "application/json", "schema")
		}
	}
}

// answer holds an answer's status, content type and JSON against the
// operation's responses.
func (d *truth) answer(route string, answer *handlertest.Answer) {
	d.Helper()
	method, path, _ := strings.Cut(route, " ")
	method = strings.ToLower(method)
	status := fmt.Sprint(answer.Status)
	response, ok := d.Paths[path][method].Responses[status]
	if !ok {
		d.Errorf("%s answers %s, which is not documented", route, status)
		return
	}
	sent := answer.Header.Get("Content-Type")
	if sent == "" && len(answer.Body) == 0 {
		if len(response.Content) > 0 {
			d.Errorf("%s answers %s without the content that is documented", route, status)
		}
		return
	}
	media, _, err := mime.ParseMediaType(sent)
	if err != nil {
		d.Errorf("%s answers %s with Content-Type %q: %v", route, status, sent, err)
		return
	}
	content, ok := response.Content[media]
	switch {
	case !ok:
		d.Errorf("%s answers %s with %s; documented are %v", route, status, media, slices.Sorted(maps.Keys(response.Content)))
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		if content.Schema == nil {
			d.Errorf("%s: the %s of its %s has no schema", route, media, status)
			return
		}
		d.validate(route+" answers "+status, string(answer.Body), "paths", path, method, "responses", status, "content", media, "schema")
	}
}

func (d *truth) validate(what, body string, place ...string) {
	d.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		d.Errorf("%s: %v; body: %.300s", what, err, body)
		return
	}
	if err := d.schema(place...).Validate(value); err != nil {
		d.Errorf("%s: %v; body: %.300s", what, err, body)
	}
}
