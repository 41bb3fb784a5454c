package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// developer is who writes an app: somebody with a token, anywhere, and not an
// operator who has the data directory.
type developer struct {
	server string
	token  string
}

func appCommand() *cobra.Command {
	d := new(developer)
	cmd := &cobra.Command{
		Use:   "app",
		Short: "Register an app, say where it is told what happens, and listen",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&d.server, "server", "http://127.0.0.1:8080", "where the server is")
	flags.StringVar(&d.token, "token", "", "your bearer token, or to listen the app's; better in PARLEY_TOKEN, which no list of processes shows")
	cmd.AddCommand(appRegisterCommand(d), appSecretCommand(d), appInstallCommand(d), appWebhookCommand(d), appListenCommand(d))
	return cmd
}

// api is the server's, with the developer's token.
func (d *developer) api() (*api, error) {
	if at, err := url.Parse(d.server); err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" {
		return nil, misused("--server must be a URL, as https://chat.example, not %q", d.server)
	}
	if d.token == "" {
		return nil, misused("say who you are: --token, or PARLEY_TOKEN")
	}
	client := new(http.Client)
	return &api{
		address: strings.TrimSuffix(d.server, "/"), token: d.token, send: client.Do,
		close: func() error { client.CloseIdleConnections(); return nil },
	}, nil
}

// ask sends a value as JSON and prints what is answered, indented.
func (d *developer) ask(cmd *cobra.Command, method, path string, value any) error {
	api, err := d.api()
	if err != nil {
		return err
	}
	var body io.Reader
	if value != nil {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	answer, err := api.ask(cmd.Context(), method, path, body)
	if err != nil || len(answer) == 0 {
		return err
	}
	var shown bytes.Buffer
	if err := json.Indent(&shown, answer, "", "  "); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(shown.String()))
	return err
}

func appRegisterCommand(d *developer) *cobra.Command {
	var name, description, website string
	var grants []string
	cmd := &cobra.Command{
		Use:   "register --name NAME",
		Short: "Register an app, and print it with its secret and its token, which are shown this once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.ask(cmd, http.MethodPost, "/v1/apps", map[string]any{
				"name": name, "description": description, "website": website, "grants": grants,
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "what the app is called")
	flags.StringVar(&description, "description", "", "what it does")
	flags.StringVar(&website, "website", "", "an http or https URL")
	flags.StringSliceVar(&grants, "grant", []string{"messages:read", "messages:write", "attachments:write"}, "what it asks for: messages:read, messages:write, attachments:write, profile:read")
	return cmd
}

func appSecretCommand(d *developer) *cobra.Command {
	overlap := 24 * time.Hour
	cmd := &cobra.Command{
		Use:   "secret APP",
		Short: "Give an app a new secret and a new token, and print them, which are shown this once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.ask(cmd, http.MethodPost, "/v1/apps/"+url.PathEscape(args[0])+"/secret", map[string]any{"overlap": int64(overlap / time.Second)})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", overlap, "for how long those before hold")
	return cmd
}

func appInstallCommand(d *developer) *cobra.Command {
	var grants []string
	cmd := &cobra.Command{
		Use:   "install APP CONVERSATION",
		Short: "Let an app take part in a conversation of yours",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{}
			if len(grants) > 0 {
				body["grants"] = grants
			}
			return d.ask(cmd, http.MethodPut, "/v1/conversations/"+url.PathEscape(args[1])+"/apps/"+url.PathEscape(args[0]), body)
		},
	}
	cmd.Flags().StringSliceVar(&grants, "grant", nil, "what it may do there; all that it asks for if none is named")
	return cmd
}

func appWebhookCommand(d *developer) *cobra.Command {
	var address, verify string
	var fields []string
	var remove bool
	cmd := &cobra.Command{
		Use:   "webhook APP [--url URL --verify-token TOKEN | --remove]",
		Short: "Say where an app is told what happens, or show it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/v1/apps/" + url.PathEscape(args[0]) + "/webhook"
			switch {
			case remove && address != "":
				return misused("--remove and --url do not go together")
			case remove:
				return d.ask(cmd, http.MethodDelete, path, nil)
			case address == "":
				return d.ask(cmd, http.MethodGet, path, nil)
			}
			body := map[string]any{"url": address, "verifyToken": verify}
			if len(fields) > 0 {
				body["fields"] = fields
			}
			return d.ask(cmd, http.MethodPut, path, body)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "url", "", "the address, which is asked for the challenge at once")
	flags.StringVar(&verify, "verify-token", "", "what the address knows you by")
	flags.StringSliceVar(&fields, "field", nil, "what to be told of, as messages; all but message_echoes if none is named")
	flags.BoolVar(&remove, "remove", false, "have it told nothing any more")
	return cmd
}

func appListenCommand(d *developer) *cobra.Command {
	var forward string
	cmd := &cobra.Command{
		Use:   "listen APP [--forward URL]",
		Short: "Print what an app is told as it comes, without a public address",
		Long:  "Print what an app is told as it comes, one delivery a line, without a public address. With --forward, each is sent on to an address of this machine as a webhook would get it, with its signatures. It is a mirror: what happens while nobody listens is not kept.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if at, err := url.Parse(forward); forward != "" && (err != nil || at.Host == "") {
				return misused("--forward must be a URL, as http://127.0.0.1:5000/hook, not %q", forward)
			}
			l := &appListener{developer: d, forward: forward, out: cmd.OutOrStdout(), complain: cmd.ErrOrStderr()}
			return l.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().StringVar(&forward, "forward", "", "send each on to this address")
	return cmd
}
