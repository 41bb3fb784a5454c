package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

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
			tokens, err := c.openTokensAlone(cmd.Context())
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
	cmd.AddCommand(tokenRevokeCommand(c))
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

func tokenRevokeCommand(c *config) *cobra.Command {
	var user, subject string
	cmd := &cobra.Command{
		Use:   "revoke {TOKEN | - | --user ID | --subject NAME}",
		Short: "Revoke a token, or all that a user or another subject was given so far",
		Long:  "Revoke a token, or all that a user or another subject was given so far. With - the token is read from standard input, where no list of processes shows it.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			asked := map[string]string{"userId": user, "subject": subject}
			if len(args) == 1 {
				if asked["token"], err = tokenGiven(args[0], cmd.InOrStdin()); err != nil {
					return err
				}
			}
			maps.DeleteFunc(asked, func(_, value string) bool { return value == "" })
			if len(asked) != 1 {
				return misused("say what to revoke: a token, --user ID or --subject NAME")
			}
			api, err := openAPI(cmd.Context(), c, handlers.Operator)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, api.close()) }()
			if _, err := api.post(cmd.Context(), "/v1/tokens/revocations", asked); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "revoked")
			return err
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "the user all of whose tokens are revoked")
	cmd.Flags().StringVar(&subject, "subject", "", "the subject, as operator, all of whose tokens are revoked")
	return cmd
}

func tokenGiven(argument string, in io.Reader) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	text, err := io.ReadAll(io.LimitReader(in, 64<<10))
	return strings.TrimSpace(string(text)), err
}
