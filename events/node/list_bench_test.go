package node_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// BenchmarkAppendWithLists is BenchmarkAppend/node/64 with lists, which follow
// in the background, and without.
func BenchmarkAppendWithLists(b *testing.B) {
	const writers = 64
	for _, lists := range []bool{false, true} {
		b.Run(fmt.Sprintf("lists=%t", lists), func(b *testing.B) {
			n, err := node.Open(b.TempDir(), node.Options{Lists: lists})
			if err != nil {
				b.Fatal(err)
			}
			streams := make([]string, writers)
			for i := range streams {
				streams[i] = "messages-" + uuid.NewString()
			}
			share(b, writers, func(g, _ int) error {
				_, err := n.Append(b.Context(), streams[g], events.Any, events.Proposed{
					ID: uuid.Must(uuid.NewV7()), Type: "MessagePosted", Data: benchData, Metadata: benchMetadata,
				})
				return err
			})
			if err := n.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
