package messenger

import (
	"time"

	"github.com/go-chi/httprate"
)

// Limit lets a page call n times in an hour.
func (a *API) Limit(n int) {
	a.Unlimited = false
	a.calls = httprate.NewRateLimiter(n, time.Hour)
}
