package projections

import (
	"context"
	"testing"

	"github.com/google/uuid"
)

// LookThrough sets how many leaves are looked through before the index is
// asked.
func (s *Search) LookThrough(leaves int) { s.leavesAtMost = leaves }

// KeepInboxes has the orders of inboxes kept however short they are.
func (c *Conversations) KeepInboxes() { c.orders.shortest = 1 }

// InboxKept tells whether the order of somebody's inbox is kept and can be
// brought up to date.
func (c *Conversations) InboxKept(viewer uuid.UUID) bool {
	_, kept := c.orders.pick(viewer, false, firstPlace, 1)
	return kept
}

// InboxAsStored is the order of somebody's inbox as the rows have it.
func (c *Conversations) InboxAsStored(t *testing.T, viewer uuid.UUID, archived bool) []uuid.UUID {
	t.Helper()
	all, err := c.standings(context.Background(), viewer)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uuid.UUID
	for _, place := range pick(all, archived, firstPlace, len(all)) {
		ids = append(ids, place.id)
	}
	return ids
}
