package wire

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"parley/events"
)

// These tests go through EventStore's own client, which decides by trailers,
// texts and positions, and panics when some of them are missing.

func clientEvent() esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: "T", ContentType: esdb.ContentTypeJson, Data: []byte(`{}`)}
}

// wantCode finds the client's code in whatever it was wrapped in.
func wantCode(t *testing.T, err error, want esdb.ErrorCode) {
	t.Helper()
	var fault *esdb.Error
	if !errors.As(err, &fault) || fault.Code() != want {
		t.Errorf("error %v, want code %d", err, want)
	}
}

// EventStoreDB protocol:
// §2 the Go client, which panics at an answer that it does not expect, finds none
// §4 options that are set to nothing, as the Go client sends them, count as set
func TestClientAppendsAndReads(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	written, err := client.AppendToStream(s.ctx, "a", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, clientEvent(), clientEvent())
	if err != nil || written.NextExpectedVersion != 1 || written.CommitPosition != 2 {
		t.Fatalf("append: %+v, %v", written, err)
	}
	_, err = client.AppendToStream(s.ctx, "a", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, clientEvent())
	wantCode(t, err, esdb.ErrorCodeWrongExpectedVersion)

	read, err := client.ReadStream(s.ctx, "a", esdb.ReadStreamOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	for want := range uint64(2) {
		event, err := read.Recv()
		if err != nil || event.OriginalEvent().EventNumber != want || event.Commit == nil {
			t.Fatalf("event %+v, %v, want revision %d", event, err, want)
		}
		if age := time.Since(event.OriginalEvent().CreatedDate); age < -time.Minute || age > patience {
			t.Errorf("created %s", event.OriginalEvent().CreatedDate)
		}
	}
	if _, err := read.Recv(); err != io.EOF {
		t.Errorf("the read ended with %v", err)
	}
	missing, err := client.ReadStream(s.ctx, "absent", esdb.ReadStreamOptions{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer missing.Close()
	_, err = missing.Recv()
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
}

// EventStoreDB protocol:
// §2 the Go client, which panics at an answer that it does not expect, finds none
func TestClientDeletes(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 2)
	deleted, err := client.DeleteStream(s.ctx, "a", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(1)})
	if err != nil || deleted.Position.Commit != 3 {
		t.Errorf("delete: %+v, %v", deleted, err)
	}
	tombstoned, err := client.TombstoneStream(s.ctx, "a", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	if err != nil || tombstoned.Position.Commit != 4 {
		t.Errorf("tombstone: %+v, %v", tombstoned, err)
	}
	_, err = client.AppendToStream(s.ctx, "a", esdb.AppendToStreamOptions{}, clientEvent())
	wantCode(t, err, esdb.ErrorCodeStreamDeleted)
	_, err = client.SubscribeToStream(s.ctx, "a", esdb.SubscribeToStreamOptions{})
	wantCode(t, err, esdb.ErrorCodeStreamDeleted)
}

// EventStoreDB protocol:
// §6 of a stream's metadata, a read from the start finds only the newest
func TestClientStreamMetadata(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 5)
	var metadata esdb.StreamMetadata
	metadata.SetMaxCount(2)
	if _, err := client.SetStreamMetadata(s.ctx, "a", esdb.AppendToStreamOptions{}, metadata); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetStreamMetadata(s.ctx, "a", esdb.ReadStreamOptions{})
	if err != nil || got.MaxCount() == nil || *got.MaxCount() != 2 {
		t.Errorf("metadata %+v, %v", got, err)
	}
	s.wantRead(readRequest("a"), "3@a", "4@a")
}

// EventStoreDB protocol:
// §2 the Go client, which panics at an answer that it does not expect, finds none
func TestClientSubscribes(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 2)
	sub, err := client.SubscribeToAll(s.ctx, esdb.SubscribeToAllOptions{
		From:   esdb.Start{},
		Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	seen, checkpoint := 0, uint64(0)
	for caughtUp := false; !caughtUp; {
		switch next := sub.Recv(); {
		case next.EventAppeared != nil:
			seen++
		case next.CheckPointReached != nil:
			checkpoint = next.CheckPointReached.Commit
		case next.SubscriptionDropped != nil:
			t.Fatal(next.SubscriptionDropped.Error)
		default:
			caughtUp = next.CaughtUp != nil
		}
	}
	if seen != 2 || checkpoint != 2 {
		t.Errorf("%d events and checkpoint %d before it had caught up, want 2 and 2", seen, checkpoint)
	}
	s.write("a", "T", 1)
	if next := sub.Recv(); next.EventAppeared == nil || next.EventAppeared.OriginalEvent().EventNumber != 2 {
		t.Errorf("live: %+v", next)
	}
}

// EventStoreDB protocol:
// §0 a client that discovers reads gossip first, then calls the member it found
func TestClientDiscovers(t *testing.T) {
	s := start(t, Options{})
	config, err := esdb.ParseConnectionString("esdb+discover://" + s.address + "?tls=false")
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	version, err := client.GetServerVersion()
	if err != nil || version.Major != 24 || version.Minor != 10 {
		t.Errorf("version %+v, %v", version, err)
	}
	if _, err := client.AppendToStream(s.ctx, "a", esdb.AppendToStreamOptions{}, clientEvent()); err != nil {
		t.Error(err)
	}
	if tip := s.node.Tip(); tip != events.Position(1) {
		t.Errorf("the log's tip is %d", tip)
	}
}
