package main

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"parley/handlers"
)

func tokenCommand(c *config) *cobra.Command {
	var user, scope string
	ttl := handlers.DefaultTTL
	cmd := &cobra.Command{
		Use:   "token {--user ID | --scope SCOPE}",
		Short: "Print a bearer token",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			subject, scopes, err := grantee(user, scope)
			if err != nil {
				return err
			}
			if err := c.makeData(); err != nil {
				return err
			}
			tokens, err := handlers.OpenTokens(c.tokenKey(), time.Now)
			if err != nil {
				return err
			}
			token, err := tokens.Issue(subject, scopes, ttl)
			if err != nil {
				return misuseError{err}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token.Token)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&user, "user", "", "the user who acts, by id")
	flags.StringVar(&scope, "scope", "", "analyst, auditor, operator, or several of them separated by spaces")
	flags.DurationVar(&ttl, "ttl", ttl, "how long the token holds")
	return cmd
}

// grantee is who a token is for: a user, or else a role by its own name.
func grantee(user, scope string) (string, []handlers.Scope, error) {
	scopes, err := handlers.ParseScopes(scope)
	if err != nil {
		return "", nil, misused("--scope: %w", err)
	}
	if user == "" {
		if len(scopes) == 0 {
			return "", nil, misused("say who the token is for: --user ID, or --scope analyst|auditor|operator")
		}
		return string(scopes[0]), scopes, nil
	}
	id, err := uuid.Parse(user)
	if err != nil {
		return "", nil, misused("--user takes a user's id: %w", err)
	}
	return id.String(), scopes, nil
}
