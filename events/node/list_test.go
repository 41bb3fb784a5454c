package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// listing is a node that keeps lists, in a directory that can be opened again.
type listing struct {
	*testing.T
	fs vfs.FS
	*node.Node
}

func (l *listing) open(lists bool) {
	l.Helper()
	n, err := node.Open("data", node.Options{FS: l.fs, Lists: lists, Logger: quiet})
	if err != nil {
		l.Fatal(err)
	}
	l.Node = n
}

func (l *listing) close() {
	l.Helper()
	if err := l.Close(); err != nil {
		l.Error(err)
	}
}

func (l *listing) put(stream string, e events.Proposed) {
	l.Helper()
	e.ID = uuid.New()
	if _, err := l.Append(l.Context(), stream, events.Any, e); err != nil {
		l.Fatal(err)
	}
}

func (l *listing) write(stream, kind string) {
	l.Helper()
	l.put(stream, events.Proposed{Type: kind, Data: []byte(`{}`)})
}

// caughtUp waits until the lists are as far as the log.
func (l *listing) caughtUp() {
	l.Helper()
	if _, err := l.WaitStream(l.Context(), "$streams", l.Tip()-1); err != nil {
		l.Fatal(err)
	}
}

// links are the targets of a list's links, in the order read.
func (l *listing) links(list string, from uint64, direction events.Direction) []string {
	l.Helper()
	links := []string{}
	for e, err := range l.Read(l.Context(), list, from, direction, 0) {
		if err != nil {
			l.Fatal(err)
		}
		if e.Type != node.TypeLink || e.Stream != list || !e.Binary {
			l.Errorf("%+v is no link of %s", e, list)
		}
		links = append(links, string(e.Data))
	}
	return links
}

func (l *listing) want(list string, want ...string) {
	l.Helper()
	l.caughtUp()
	if diff := cmp.Diff(append([]string{}, want...), l.links(list, 0, events.Forwards)); diff != "" {
		l.Errorf("%s (-want +got):\n%s", list, diff)
	}
	slices.Reverse(want)
	if diff := cmp.Diff(append([]string{}, want...), l.links(list, events.LastRevision, events.Backwards)); diff != "" {
		l.Errorf("%s backwards (-want +got):\n%s", list, diff)
	}
}

func (l *listing) verify() {
	l.Helper()
	if err := l.Verify(l.Context(), func(finding string) { l.Error(finding) }); err != nil {
		l.Error(err)
	}
}

// EventStoreDB protocol:
// §9 the events of users' streams, and of their metadata, are listed; one that only says to be JSON is passed over
// §9 $ce-<category> links to the events of the streams whose name begins with the category and '-'
// §9 $ce-<category> copies links
// §9 a deletion adds a link to its metadata to $ce-<category>, a tombstone one to itself with "$deleted":-1 beside it
// §9 $et-<type> links to the events of a type that are no links; deletions are in $et-$deleted
// §9 $streams links to the first event of each stream, metastreams included
// §9 links are $> events of binary data, revision@stream
func TestLists(t *testing.T) {
	l := &listing{T: t, fs: vfs.NewMem()}
	l.open(true)
	defer l.close()
	l.write("order-1", "Placed")
	l.write("order-2-b", "Placed")
	l.write("order-1", "Paid")
	l.write("-1", "Placed")
	l.write("plain", "Placed")
	l.write("$system-1", "Placed")
	l.put("order-1", events.Proposed{Type: "Broken", Data: []byte(`{`)})
	l.put("order-1", events.Proposed{Type: "Packed", Data: []byte{0xff}, Binary: true})
	l.put("order-3", events.Proposed{Type: node.TypeLink, Data: []byte("0@plain"), Binary: true})
	l.put("$$order-1", events.Proposed{Type: node.TypeMetadata, Data: []byte(`{"$maxCount":9}`)})
	if _, err := l.Delete(t.Context(), "order-1", events.Any); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Tombstone(t.Context(), "order-2-b", events.Any); err != nil {
		t.Fatal(err)
	}
	l.want("$ce-order", "0@order-1", "0@order-2-b", "1@order-1", "3@order-1", "0@plain", "1@$$order-1", "9223372036854775807@order-2-b")
	l.want("$et-Placed", "0@order-1", "0@order-2-b", "0@-1", "0@plain")
	l.want("$et-Packed", "3@order-1")
	l.want("$et-$metadata", "0@$$order-1")
	l.want("$et-$deleted", "1@$$order-1", "9223372036854775807@order-2-b")
	l.want("$et-Broken")
	l.want("$et-$>")
	l.want("$streams", "0@order-1", "0@order-2-b", "0@-1", "0@plain", "0@order-3", "0@$$order-1")
	l.verify()
}

// EventStoreDB protocol:
// §9 beside a link stand the original's stream, $o, and id, $causedBy
// §9 a list's revisions are dense, its ids stable, and each link was created and stands where its target does
// §9 lists are not in $all
func TestLinksOfLists(t *testing.T) {
	l := &listing{T: t, fs: vfs.NewMem()}
	l.open(true)
	defer l.close()
	l.write("order-1", "Placed")
	l.write("order-1", "Placed")
	l.caughtUp()
	target, _, err := l.ReadEvent(t.Context(), "order-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	link, found, err := l.ReadEvent(t.Context(), "$ce-order", 1)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	if link.Position != target.Position || !link.Created.Equal(target.Created) || link.Revision != 1 {
		t.Errorf("link %+v to %+v", link, target)
	}
	if want := fmt.Sprintf(`{"$o":"order-1","$causedBy":"%s"}`, target.ID); string(link.Metadata) != want {
		t.Errorf("metadata %s, want %s", link.Metadata, want)
	}
	again, _, err := l.ReadEvent(t.Context(), "$ce-order", 1)
	first, _, _ := l.ReadEvent(t.Context(), "$ce-order", 0)
	if err != nil || again.ID != link.ID || first.ID == link.ID {
		t.Errorf("ids %s, %s and %s, %v", first.ID, link.ID, again.ID, err)
	}
	for e := range l.ScanAll(t.Context(), 0, events.Forwards, 0) {
		if e.Type == node.TypeLink {
			t.Errorf("a link of a list stands in the log: %+v", e)
		}
	}
}

// EventStoreDB protocol:
// §9 a deletion adds a link to its metadata to $ce-<category>, a tombstone one to itself with "$deleted":-1 beside it
func TestLinksOfDeletions(t *testing.T) {
	l := &listing{T: t, fs: vfs.NewMem()}
	l.open(true)
	defer l.close()
	l.write("order-1", "Placed")
	tombstone, err := l.Tombstone(t.Context(), "order-1", events.Any)
	if err != nil {
		t.Fatal(err)
	}
	l.caughtUp()
	link, found, err := l.ReadEvent(t.Context(), "$ce-order", 1)
	if err != nil || !found {
		t.Fatal(found, err)
	}
	for written, err := range l.ScanAll(t.Context(), tombstone.Position, events.Forwards, 1) {
		want := fmt.Sprintf(`{"$o":"order-1","$causedBy":"%s","$deleted":-1}`, written.ID)
		if err != nil || string(link.Data) != "9223372036854775807@order-1" || string(link.Metadata) != want {
			t.Errorf("link %s with %s, %v, want %s", link.Data, link.Metadata, err, want)
		}
	}
}

// EventStoreDB protocol:
// §9 a list is read, counted, subscribed to, resolved and consumed by groups like any stream, and has metadata
// §9 an unknown list is stream_not_found
// §9 nobody may write to a list
func TestListsAreStreams(t *testing.T) {
	l := &listing{T: t, fs: vfs.NewMem()}
	l.open(true)
	defer l.close()
	for range 5 {
		l.write("order-1", "Placed")
	}
	l.put("$$$ce-order", events.Proposed{Type: node.TypeMetadata, Data: []byte(`{"$maxCount":2}`)})
	l.want("$ce-order", "3@order-1", "4@order-1")
	_, err := l.Append(t.Context(), "$ce-order", events.Any, event("T", "{}"))
	if err == nil || !strings.Contains(err.Error(), "made by the node") {
		t.Errorf("writing to a list: %v", err)
	}
	if state, err := l.State("$ce-nothing"); err != nil || state.Status != node.Absent {
		t.Errorf("an unknown list: %+v, %v", state, err)
	}
}

// TestListsGoOn switches lists on for a log that is there, and on and off
// again: what was written meanwhile is listed once.
func TestListsGoOn(t *testing.T) {
	l := &listing{T: t, fs: vfs.NewMem()}
	var want []string
	for round := range 4 {
		l.open(round%2 == 1)
		for i := range 700 {
			l.write(fmt.Sprintf("order-%d", i%3), "Placed")
			want = append(want, fmt.Sprintf("%d@order-%d", round*700/3+i/3, i%3))
		}
		if round%2 == 1 {
			l.caughtUp()
			if got := len(l.links("$ce-order", 0, events.Forwards)); got != len(want) {
				t.Errorf("%d links for %d events", got, len(want))
			}
		} else if got := l.links("$ce-order", 0, events.Forwards); len(got) != 0 {
			t.Errorf("%d links without lists", len(got))
		}
		l.verify()
		l.close()
	}
}

// TestListsSurvivePowerCuts: what a power cut takes of the lists is made again.
func TestListsSurvivePowerCuts(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := &listing{T: t, fs: disk}
	l.open(true)
	for i := range 50 {
		l.write("order-1", "Placed")
		if i%10 != 9 {
			continue
		}
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		after := &listing{T: t, fs: crashed}
		after.open(true)
		after.caughtUp()
		if got := len(after.links("$ce-order", 0, events.Forwards)); got != i+1 {
			t.Errorf("%d links after the cut, want %d", got, i+1)
		}
		after.verify()
		after.close()
	}
	l.close()
}

// TestFollowAList follows a list from a revision, and past it live.
func TestFollowAList(t *testing.T) {
	l := &listing{T: t, fs: vfs.NewMem()}
	l.open(true)
	defer l.close()
	l.write("order-1", "Placed")
	l.write("order-1", "Placed")
	l.caughtUp()
	next, marked := uint64(1), false
	for e, err := range l.FollowStream(t.Context(), "$ce-order", 1, events.End) {
		if err != nil {
			t.Fatal(err)
		}
		if e.IsMark() {
			if !marked {
				l.write("order-2", "Placed")
			}
			marked = true
			continue
		}
		if e.Revision != next {
			t.Fatalf("revision %d, want %d", e.Revision, next)
		}
		if next++; next == 3 {
			break
		}
	}
	if !marked {
		t.Error("the live event came before the mark")
	}
}
