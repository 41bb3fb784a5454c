package messenger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"parley/events"
	"parley/events/commands"
)

// tokenOf is the access token of a request: of its query, its parameters or its
// header.
func tokenOf(r *http.Request, p params) string {
	if token := r.URL.Query().Get("access_token"); token != "" {
		return token
	}
	if token, err := p.text("access_token"); err == nil && token != "" {
		return token
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// admit finds the page that a request's token speaks for, and checks the proof
// that whoever has the token knows the app's secret too, if there is one.
func (a *API) admit(r *http.Request, p params) (commands.Page, error) {
	token := tokenOf(r, p)
	if token == "" {
		return commands.Page{}, errNoToken
	}
	page, accepted, err := a.Commands.PageOf(r.Context(), token)
	if err != nil {
		return page, err
	}
	if !accepted {
		return page, errToken
	}
	proof := r.URL.Query().Get("appsecret_proof")
	if proof == "" {
		if proof, err = p.text("appsecret_proof"); err != nil {
			return page, err
		}
	}
	if proof == "" {
		return page, nil
	}
	return page, a.checkProof(r.Context(), page, token, proof)
}

// checkProof accepts the token's HMAC-SHA256 under any of the app's secrets
// that hold now, in hex.
func (a *API) checkProof(ctx context.Context, page commands.Page, token, proof string) error {
	presented, err := hex.DecodeString(proof)
	if err != nil {
		return errProof
	}
	secrets, err := a.Commands.Secrets(ctx, page.App)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(token))
		if hmac.Equal(presented, mac.Sum(nil)) {
			return nil
		}
	}
	return errProof
}

// reach finds the person whom a call is for, and refuses it unless the app may
// do this where the person is.
func (a *API) reach(ctx context.Context, c *call, grant events.Grant) (string, Person, error) {
	psid, err := c.params.recipient()
	if err != nil {
		return "", Person{}, err
	}
	person, err := a.person(ctx, c, psid, grant)
	return psid, person, err
}

func (a *API) person(ctx context.Context, c *call, psid string, grant events.Grant) (Person, error) {
	person, ok := ParsePSID(c.page, psid)
	if !ok {
		return Person{}, errNoUser
	}
	if _, err := a.Commands.Installation(ctx, person.Conversation, c.page.App, grant); err != nil {
		return Person{}, err
	}
	if person.User == (Person{}).User {
		return person, nil
	}
	return person, a.Commands.Admit(ctx, person.Conversation, person.User)
}
