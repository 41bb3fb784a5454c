package views

// WithoutGrace has what serves no more removed at once.
func (e *Postgres) WithoutGrace() *Postgres {
	e.graces = false
	return e
}
