package events

// Shapes are the catalogue's names with the versions written today.
func Shapes() map[string]int {
	shapes := make(map[string]int, len(catalogue))
	for _, s := range catalogue {
		shapes[s.name] = s.version
	}
	return shapes
}
