package handlers

import (
	"context"
	"net/http"

	"parley/handlers/messenger"
	"parley/handlers/outbound"
)

// fetchRedirects bounds how many redirects are followed to a file that is named
// by its address.
const fetchRedirects = 5

func (s *Server) messengerAPI() *messenger.API {
	return messenger.New(messenger.Options{
		Commands: s.Commands, Library: s.Library, Users: s.Views.Users, Feed: s.Feed, Now: s.Now,
		Fetch:     outbound.NewClient(outbound.Options{Allow: s.Outbound, PlainHTTP: true, Redirects: fetchRedirects}),
		Patience:  s.Limits.Body,
		Unlimited: s.Limits.Rate < 0,
		RequestID: func(ctx context.Context) string { return requestOf(ctx).id },
		Identify: func(ctx context.Context, actor string) {
			requestOf(ctx).caller = &Caller{Subject: actor}
		},
		Blame: func(ctx context.Context, cause error) { requestOf(ctx).fault = cause },
	})
}

// messengerFirst gives the Messenger Platform's API what is for it: its paths
// begin with a version of the platform's, with me, or with an id.
func (s *Server) messengerFirst(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if messenger.Serves(r) {
			s.bots.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Messenger is the Messenger Platform's API that the server serves.
func (s *Server) Messenger() *messenger.API { return s.bots }
