// Package webhooks tells apps what happens in their conversations: deliveries
// as the Messenger Platform makes them, to the address that an app's owner has
// given.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/handlers/outbound"
)

// verifyTimeout is how long a receiver may take to answer a challenge.
const verifyTimeout = 10 * time.Second

// Unverified is why an address is not accepted: a sentence that goes on after
// the address.
type Unverified struct{ Reason string }

func (u *Unverified) Error() string { return u.Reason }

// Verify asks a receiver for the challenge that only one who was told the token
// answers with: GET with hub.mode, hub.verify_token and hub.challenge. The
// error is an *Unverified, or the context's.
func Verify(ctx context.Context, client *http.Client, address, token, challenge string) error {
	asking, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(asking, http.MethodGet, address, nil)
	if err != nil {
		return &Unverified{"is not an address that can be asked"}
	}
	query := request.URL.Query()
	query.Set("hub.mode", "subscribe")
	query.Set("hub.verify_token", token)
	query.Set("hub.challenge", challenge)
	request.URL.RawQuery = query.Encode()
	request.Header.Set("User-Agent", userAgent)
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Unverified{unreachable(err)}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return &Unverified{fmt.Sprintf("answered the challenge with status %d, not 200", response.StatusCode)}
	}
	// One byte more than the challenge and its line's end tells that it is not it.
	answer, err := io.ReadAll(io.LimitReader(response.Body, int64(len(challenge)+3)))
	if err != nil {
		return &Unverified{"did not answer the challenge to its end"}
	}
	if strings.TrimRight(string(answer), "\r\n") != challenge {
		return &Unverified{"answered, but not with the value of hub.challenge"}
	}
	return nil
}

const userAgent = "Parley-Webhooks/1"

// unreachable tells why nobody has answered, in words for an app's owner: the
// network's own words may tell of what is none of theirs.
func unreachable(err error) string {
	var failed *url.Error
	switch {
	case errors.Is(err, outbound.ErrForbidden):
		return "is not a public address"
	case errors.Is(err, outbound.ErrPlain):
		return "must be https: the operator allows http for none but addresses of their own"
	case errors.As(err, &failed) && failed.Timeout():
		return "did not answer in time"
	}
	return "could not be reached"
}
