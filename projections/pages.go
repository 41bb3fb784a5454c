package projections

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/projections/live"
)

const (
	// cachedRooms bounds how many conversations the cache knows of.
	cachedRooms = 1 << 13
	// cachedBytes bounds what it holds of them, about.
	cachedBytes = 64 << 20
	// answerBytes is about what an answer takes beside its body, and
	// memberBytes what each member does.
	answerBytes = 256
	memberBytes = 48
	// largestCached bounds a single cached page.
	largestCached = 1 << 20
)

// pageCache keeps pages that are ready to send, and who may see them, of the
// conversations asked for last. The engine drops what a commit has changed,
// before the commit counts as seen.
type pageCache struct {
	rooms *lru.Cache[uuid.UUID, *cachedRoom]
	bytes atomic.Int64
}

// cachedRoom is what is cached of one conversation.
type cachedRoom struct {
	mu      sync.Mutex
	pages   map[pageKey]*flight[PageBody] // guarded by mu
	members map[uuid.UUID]*flight[bool]   // guarded by mu
	// crew and hearers have one answer each: all members, and those who are told
	// what happens besides. Guarded by mu.
	crew, hearers map[struct{}]*flight[live.Members]
	bytes         int64 // of all of them, guarded by mu
	gone          bool  // not in the cache any more; guarded by mu
}

// flight is an answer that one caller is getting for all who ask.
type flight[T any] struct {
	landed chan struct{} // closed when value and err are set
	value  T
	err    error
}

// errNoAnswer is what others get if the caller who was getting it panicked.
var errNoAnswer = errors.New("reading the view was broken off")

func newPageCache() *pageCache {
	c := new(pageCache)
	rooms, err := lru.NewWithEvict(cachedRooms, func(_ uuid.UUID, r *cachedRoom) { c.forget(r) })
	if err != nil {
		panic(err) // the size is a positive constant
	}
	c.rooms = rooms
	return c
}

func (c *pageCache) forget(r *cachedRoom) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	c.bytes.Add(-r.bytes)
	r.bytes = 0
}

func (c *pageCache) page(ctx context.Context, conversation uuid.UUID, key pageKey, load func(context.Context) (PageBody, error)) (PageBody, error) {
	r := c.room(conversation)
	return fly(ctx, c, r, &r.pages, key, load, func(body PageBody) int64 { return answerBytes + int64(len(body.Body)) })
}

func (c *pageCache) member(ctx context.Context, conversation, user uuid.UUID, load func(context.Context) (bool, error)) (bool, error) {
	r := c.room(conversation)
	return fly(ctx, c, r, &r.members, user, load, func(bool) int64 { return answerBytes })
}

func (c *pageCache) crew(ctx context.Context, conversation uuid.UUID, load func(context.Context) (live.Members, error)) (live.Members, error) {
	r := c.room(conversation)
	return fly(ctx, c, r, &r.crew, struct{}{}, load, crewBytes)
}

func (c *pageCache) hearers(ctx context.Context, conversation uuid.UUID, load func(context.Context) (live.Members, error)) (live.Members, error) {
	r := c.room(conversation)
	return fly(ctx, c, r, &r.hearers, struct{}{}, load, crewBytes)
}

func crewBytes(members live.Members) int64 { return answerBytes + memberBytes*int64(len(members)) }

func (c *pageCache) room(conversation uuid.UUID) *cachedRoom {
	if r, ok := c.rooms.Get(conversation); ok {
		return r
	}
	made := new(cachedRoom)
	if r, lost, _ := c.rooms.PeekOrAdd(conversation, made); lost {
		return r
	}
	return made
}

// fly returns a cached answer, or joins whoever is getting it, or gets it. An
// answer that is dropped while it is got reaches only those who asked before.
func fly[K comparable, T any](ctx context.Context, c *pageCache, r *cachedRoom, answers *map[K]*flight[T], key K, load func(context.Context) (T, error), cost func(T) int64) (T, error) {
	r.mu.Lock()
	f, known := (*answers)[key]
	if !known {
		f = &flight[T]{landed: make(chan struct{})}
		if *answers == nil {
			*answers = make(map[K]*flight[T])
		}
		(*answers)[key] = f
	}
	r.mu.Unlock()
	if known {
		select {
		case <-f.landed:
			return f.value, f.err
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	f.err = errNoAnswer
	defer close(f.landed)
	defer c.land(r, func() int64 {
		if (*answers)[key] != f {
			return 0
		}
		size := cost(f.value)
		if f.err != nil || r.gone || size > largestCached {
			delete(*answers, key)
			return 0
		}
		return size
	})
	// Others wait for the answer too, so it does not end with the first caller.
	f.value, f.err = load(context.WithoutCancel(ctx))
	return f.value, f.err
}

// land counts what an answer takes, and makes room for it.
func (c *pageCache) land(r *cachedRoom, keep func() int64) {
	r.mu.Lock()
	size := keep()
	r.bytes += size
	r.mu.Unlock()
	for c.bytes.Add(size) > cachedBytes {
		size = 0
		if _, _, ok := c.rooms.RemoveOldest(); !ok {
			return
		}
	}
}

// drop forgets a conversation's pages, its members or both.
func (c *pageCache) drop(conversation uuid.UUID, pages, members bool) {
	r, ok := c.rooms.Peek(conversation)
	if !ok || !pages && !members {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if pages {
		r.pages = nil
	}
	if members {
		r.members, r.crew, r.hearers = nil, nil, nil
	}
	kept := r.kept()
	c.bytes.Add(kept - r.bytes)
	r.bytes = kept
}

// dropMembers forgets the members of all conversations.
func (c *pageCache) dropMembers() {
	for _, conversation := range c.rooms.Keys() {
		c.drop(conversation, false, true)
	}
}

// kept counts what the landed answers take; r.mu is held.
func (r *cachedRoom) kept() int64 {
	kept := answerBytes * int64(len(r.members)+len(r.pages))
	for _, f := range []*flight[live.Members]{r.crew[struct{}{}], r.hearers[struct{}{}]} {
		if f == nil {
			continue
		}
		select {
		case <-f.landed:
			kept += crewBytes(f.value)
		default:
		}
	}
	for _, f := range r.pages {
		select {
		case <-f.landed:
			kept += int64(len(f.value.Body))
		default:
		}
	}
	return kept
}

func (c *pageCache) clear() { c.rooms.Purge() }
