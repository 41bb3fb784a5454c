package handlers

import "github.com/go-chi/chi/v5"

// Routes are all routes, for the tests that walk them.
func (s *Server) Routes() chi.Routes { return s.root }
