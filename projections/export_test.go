package projections

// LookThrough sets how many leaves are looked through before the index is
// asked.
func (s *Search) LookThrough(leaves int) { s.leavesAtMost = leaves }
