package handlers

import (
	"io"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// ready is a T whose JSON was made before, as views keep it, so that it is not
// read in order to be written again.
type ready[T any] struct{ json []byte }

// Schema implements huma.SchemaProvider.
func (ready[T]) Schema(schemas huma.Registry) *huma.Schema {
	return schemas.Schema(reflect.TypeFor[T](), true, "")
}

// MarshalJSON implements json.Marshaler.
func (r ready[T]) MarshalJSON() ([]byte, error) { return r.json, nil }

func (r ready[T]) send(w io.Writer) error {
	_, err := w.Write(r.json)
	return err
}

// marshalJSON writes a body.
func marshalJSON(w io.Writer, v any) error {
	if made, ok := v.(interface{ send(io.Writer) error }); ok {
		return made.send(w)
	}
	return huma.DefaultJSONFormat.Marshal(w, v)
}
