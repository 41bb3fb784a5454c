package handlers

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
)

const schemaPrefix = "#/components/schemas/"

// newSchemas is a registry in which ids are UUIDs and not only strings.
func newSchemas() huma.Registry {
	schemas := huma.NewMapRegistry(schemaPrefix, schemaName)
	schemas.RegisterTypeAlias(reflect.TypeFor[uuid.UUID](), reflect.TypeFor[idSchema]())
	schemas.RegisterTypeAlias(reflect.TypeFor[events.Digest](), reflect.TypeFor[digestSchema]())
	return schemas
}

// digestSchema is the schema of a file's digest.
type digestSchema struct{}

// Schema implements huma.SchemaProvider.
func (digestSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$"}
}

// idSchema is the schema of an id.
type idSchema struct{}

// Schema implements huma.SchemaProvider.
func (idSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// schemaName names the problems for what they are, and all else as huma does.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[huma.ErrorModel]() {
		return "Problem"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// completeAnswers makes the schemas of what is answered say what huma does not
// see: pointers may be null, lists never are, and fields may be added later.
// What is asked, whose schemas' names end in Body, stays as strict as it is.
func completeAnswers(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		t := schemas.TypeFromRef(schemaPrefix + name)
		if strings.HasSuffix(name, "Body") || t == nil {
			continue
		}
		schema.AdditionalProperties = nil
		for _, field := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			property := schema.Properties[name]
			switch {
			case property == nil:
			case field.Type.Kind() == reflect.Slice:
				property.Nullable = false
			case field.Type.Kind() == reflect.Pointer && property.Ref != "":
				schema.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{property, {Type: "null"}}}
			case field.Type.Kind() == reflect.Pointer:
				property.Nullable = true
			}
		}
	}
}
