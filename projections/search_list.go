package projections

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/google/uuid"

	"parley/projections/views"
)

// leafHead is what it takes to choose a leaf.
type leafHead struct {
	id             int64
	oldest, newest int64 // microseconds of the Unix epoch
	state          leafState
	version        int64 // rises with each change
}

// leafLists keeps which leaves conversations have, for whoever searches in many
// conversations needs the lists of all of them every time. The engine brings
// them up to date with each commit, before anyone who waits for it goes on.
type leafLists struct {
	mu    sync.Mutex
	rooms map[uuid.UUID][]leafHead // by id; guarded by mu
	total int                      // of leaves and rooms, guarded by mu
	// commits counts changes, so that nothing is kept that was read before one
	// of them. Guarded by mu.
	commits uint64
}

// listsKept bounds how many leaves and conversations the lists have in all.
const listsKept = 1 << 18

// get appends the leaves of conversations that are known, and returns the
// others, and when that was.
func (k *leafLists) get(found []leafHead, rooms []uuid.UUID) (_ []leafHead, unknown []uuid.UUID, at uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, room := range rooms {
		if list, known := k.rooms[room]; known {
			found = append(found, list...)
		} else {
			unknown = append(unknown, room)
		}
	}
	return found, unknown, k.commits
}

// put takes lists that were read, unless there was a commit meanwhile. The
// slices are its own from then on.
func (k *leafLists) put(lists map[uuid.UUID][]leafHead, at uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.commits != at {
		return
	}
	if k.rooms == nil {
		k.rooms = make(map[uuid.UUID][]leafHead)
	}
	for room, list := range lists {
		k.drop(room)
		k.rooms[room] = list
		k.total += 1 + len(list)
	}
	for room := range k.rooms {
		if k.total <= listsKept {
			break
		}
		k.drop(room)
	}
}

// drop forgets a conversation's list; k.mu is held.
func (k *leafLists) drop(room uuid.UUID) {
	if list, known := k.rooms[room]; known {
		k.total -= 1 + len(list)
		delete(k.rooms, room)
	}
}

// committed takes leaves as they are stored now.
func (k *leafLists) committed(stored map[int64]*leaf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.commits++
	for _, l := range stored {
		list, known := k.rooms[l.conversation]
		if !known {
			continue
		}
		at, exists := slices.BinarySearchFunc(list, l.id, func(h leafHead, id int64) int { return cmp.Compare(h.id, id) })
		if exists {
			list[at] = l.leafHead
			continue
		}
		k.rooms[l.conversation] = slices.Insert(list, at, l.leafHead)
		k.total++
	}
}

func (k *leafLists) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.commits++
	clear(k.rooms)
	k.total = 0
}

// leaves are all that may have hits, those with the latest message first.
func (f *finding) leaves(ctx context.Context, rooms []uuid.UUID) ([]leafHead, error) {
	found, unknown, at := f.search.lists.get(make([]leafHead, 0, 2*len(rooms)), rooms)
	if len(unknown) > 0 {
		lists, err := f.search.readLists(ctx, unknown)
		if err != nil {
			return nil, err
		}
		for _, list := range lists {
			found = append(found, list...)
		}
		f.search.lists.put(lists, at)
	}
	found = slices.DeleteFunc(found, func(h leafHead) bool { return h.newest < f.after || h.oldest > f.before.at })
	slices.SortFunc(found, func(a, b leafHead) int { return cmp.Or(cmp.Compare(b.newest, a.newest), cmp.Compare(b.id, a.id)) })
	return found, nil
}

// readLists reads the lists of conversations, of those without leaves as well.
func (s *Search) readLists(ctx context.Context, rooms []uuid.UUID) (map[uuid.UUID][]leafHead, error) {
	lists := make(map[uuid.UUID][]leafHead, len(rooms))
	for some := range slices.Chunk(rooms, leavesAtOnce) {
		ids := make([]any, len(some))
		for i := range some {
			ids[i], lists[some[i]] = some[i][:], nil
		}
		text, args := listed(`SELECT conversation, id, oldest, newest, state, version FROM leaves WHERE conversation IN (`, ids, `) ORDER BY conversation, first`)
		rows, err := s.store.Query(ctx, text, args...)
		if err = addHeads(lists, rows, err); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// addHeads reads rows to their end.
func addHeads(lists map[uuid.UUID][]leafHead, rows *views.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h leafHead
		var room sql.RawBytes
		var state int64
		if err := rows.Scan(&room, &h.id, &h.oldest, &h.newest, &state, &h.version); err != nil {
			return err
		}
		h.state = leafState(state)
		id, err := idFrom(room)
		if err != nil {
			return err
		}
		lists[id] = append(lists[id], h)
	}
	return rows.Err()
}
