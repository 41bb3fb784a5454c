package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"parley/handlers"
)

func demoCommand(c *config) *cobra.Command {
	s := new(serving)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a small story, with tokens to look at it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), c, introduce)
		},
	}
	s.register(cmd)
	return cmd
}

// introduce tells the story and prints tokens for those who may look at it.
func introduce(ctx context.Context, h *house, address string) error {
	story, err := tell(ctx, h.commands)
	if err != nil {
		return fmt.Errorf("telling the story: %w", err)
	}
	if err := shareClips(ctx, h, address, story); err != nil {
		return fmt.Errorf("the story's app: %w", err)
	}
	people := story.people
	if err := h.views.CatchUp(ctx); err != nil {
		return err
	}
	hero := people["mara"].String()
	fmt.Println("A small story has been told. Open one of these, or use the token with curl:")
	for _, guest := range []struct {
		who, subject, page string
		scopes             []handlers.Scope
	}{
		{"user", hero, "/#", nil},
		{"seller", people[seller].String(), "/#desk&", nil},
		{"analyst", "analyst", "/growth?from=2014-11-01&to=2015-03-25&interval=week#", []handlers.Scope{handlers.Analyst}},
		{"auditor", "auditor", "/audit#", []handlers.Scope{handlers.Auditor}},
		{"operator", "operator", "/reports#", []handlers.Scope{handlers.Operator}},
	} {
		token, err := h.tokens.Issue(guest.subject, guest.scopes, 24*time.Hour)
		if err != nil {
			return err
		}
		fmt.Printf("\n%s\n  page:  %s%stoken=%s\n  token: %s\n", guest.who, address, guest.page, token.Token, token.Token)
	}
	fmt.Println()
	return nil
}
