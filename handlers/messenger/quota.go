package messenger

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events/commands"
)

const (
	// callsEach is how many calls a page may make within a day for each person
	// that it is engaged with, of whom at least one is assumed.
	callsEach = 200
	// quotaHours is that day: it is counted by the hour.
	quotaHours = 24
	// engagedHolds is for how long the number of people is remembered.
	engagedHolds = time.Minute
	// quotasKept bounds of how many pages the calls are remembered.
	quotasKept = 10_000
)

// quotas count the calls of pages.
type quotas struct {
	// engaged counts the people whom a page is engaged with.
	engaged func(context.Context, commands.Page) (int, error)
	pages   *lru.Cache[uuid.UUID, *quota]
}

func newQuotas(engaged func(context.Context, commands.Page) (int, error)) *quotas {
	pages, err := lru.New[uuid.UUID, *quota](quotasKept)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &quotas{engaged, pages}
}

// quota is what a page has called within a day.
type quota struct {
	mu sync.Mutex // guards what follows
	// hours are the calls of each hour, the one of last at its number modulo
	// their count.
	hours [quotaHours]int
	last  int64
	// most is how many calls are allowed, as it was found until then.
	most  int
	until time.Time
}

// take counts a call, or refuses it.
func (q *quotas) take(ctx context.Context, page commands.Page, now time.Time) error {
	one, known := q.pages.Get(page.ID())
	if !known {
		one = new(quota)
		if other, lost, _ := q.pages.PeekOrAdd(page.ID(), one); lost {
			one = other
		}
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	one.pass(now.Unix() / 3600)
	made := 0
	for _, calls := range one.hours {
		made += calls
	}
	if made >= max(one.most, callsEach) && !now.Before(one.until) {
		people, err := q.engaged(ctx, page)
		if err != nil {
			return err
		}
		one.most, one.until = callsEach*people, now.Add(engagedHolds)
	}
	if made >= max(one.most, callsEach) {
		return errDaily
	}
	one.hours[one.last%quotaHours]++
	return nil
}

// pass forgets the hours that have gone since the last call.
func (q *quota) pass(hour int64) {
	for h := max(q.last+1, hour-quotaHours+1); h <= hour; h++ {
		q.hours[h%quotaHours] = 0
	}
	q.last = max(q.last, hour)
}
