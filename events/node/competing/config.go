package competing

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// The configuration is the newest event of this stream: all groups with their
// settings, so that it is changed as a whole or not at all.
const (
	configStream = "$persistentSubscriptionConfig"
	typeConfig   = "$PersistentConfig"
	// configVersion is that of the stored form.
	configVersion = 1
)

type config struct {
	Version int     `json:"version"`
	Groups  []entry `json:"entries"`
}

// entry is one group as it is stored.
type entry struct {
	Key
	Settings
	// Origin is the last event that existed when the group was to begin, the
	// cursor it has without a checkpoint.
	Origin cursor `json:"origin"`
}

func loadConfig(ctx context.Context, n *node.Node) ([]entry, error) {
	for e, err := range n.Read(ctx, configStream, events.LastRevision, events.Backwards, 1) {
		var stored config
		if err == nil {
			err = json.Unmarshal(e.Data, &stored)
		}
		if err == nil && stored.Version > configVersion {
			err = fmt.Errorf("it has format %d, and this program reads up to %d: use a newer one", stored.Version, configVersion)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the persistent subscriptions from %s: %w", configStream, err)
		}
		return stored.Groups, nil
	}
	return nil, nil
}

func storeConfig(ctx context.Context, n *node.Node, groups []entry) error {
	data, err := json.Marshal(config{Version: configVersion, Groups: groups})
	if err != nil {
		return err
	}
	o, err := n.Write(ctx, configStream, events.Any, []events.Proposed{{ID: uuid.New(), Type: typeConfig, Data: data}})
	return stored(configStream, o, err)
}
