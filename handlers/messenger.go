package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"parley/events/commands"
	"parley/handlers/messenger"
	"parley/handlers/outbound"
	"parley/projections"
)

// fetchRedirects bounds how many redirects are followed to a file that is named
// by its address.
const fetchRedirects = 5

func (s *Server) messengerAPI() *messenger.API {
	return messenger.New(messenger.Options{
		Commands: s.Commands, Library: s.Library, Users: s.Views.Users, Feed: s.Feed, Now: s.Now,
		Fetch:     outbound.NewClient(outbound.Options{Allow: s.Outbound, PlainHTTP: true, Redirects: fetchRedirects}),
		Patience:  s.Limits.Body,
		Engaged:   s.engaged,
		Unlimited: s.Limits.Rate < 0,
		RequestID: func(ctx context.Context) string { return requestOf(ctx).id },
		Identify: func(ctx context.Context, actor string) {
			requestOf(ctx).caller = &Caller{Subject: actor}
		},
		Blame: func(ctx context.Context, cause error) { requestOf(ctx).fault = cause },
	})
}

// engagedIn bounds in how many conversations an app's people are counted.
const engagedIn = 100

// engaged counts the people whom a page is engaged with: a merchant's customers,
// or, of an app's own page, those to whom it spoke today or yesterday, but at
// least one in each conversation that has the app.
func (s *Server) engaged(ctx context.Context, page commands.Page) (int, error) {
	if page.Merchant != uuid.Nil {
		return s.Views.Merchants.CountCustomers(ctx, page.Merchant)
	}
	spoken, err := s.Views.Apps.SpokenIn(ctx, page.App, s.Now().Add(-24*time.Hour), engagedIn)
	if err != nil {
		return 0, err
	}
	people := make(map[uuid.UUID]bool)
	for _, conversation := range spoken {
		members, err := s.Views.Conversations.Members(ctx, conversation)
		if err != nil {
			return 0, err
		}
		for person := range members {
			people[person] = true
		}
	}
	app, err := s.Views.Apps.Get(ctx, page.App)
	if errors.Is(err, projections.ErrNotFound) { // the view has not come to it yet
		err = nil
	}
	return max(len(people), int(app.Installs)), err
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
