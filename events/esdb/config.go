package esdb

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// The client's defaults suit a client that is kept for ever; ours is replaced
// when its discovery fails, so one round of discovery is enough for each.
const (
	discoverAttempts = 1
	gossipSeconds    = 3
	keepAliveTimeout = 5 * time.Second
	maxGossipSeconds = 60
)

// parse reads a connection string and refuses the settings that the client
// would accept and then misunderstand.
func parse(connectionString string) (*client.Configuration, error) {
	settings, err := settingsOf(connectionString)
	if err != nil {
		return nil, err
	}
	if deadline, set := settings["defaultdeadline"]; set {
		if n, err := strconv.Atoi(deadline); err != nil || n < 1 {
			return nil, fmt.Errorf("defaultDeadline %q: want milliseconds, at least 1", deadline)
		}
	}
	config, err := client.ParseConnectionString(connectionString)
	if err != nil {
		return nil, err
	}
	if err := check(config); err != nil {
		return nil, err
	}
	if _, set := settings["maxdiscoverattempts"]; !set {
		config.MaxDiscoverAttempts = discoverAttempts
	}
	if _, set := settings["gossiptimeout"]; !set {
		config.GossipTimeout = gossipSeconds
	}
	if _, set := settings["keepalivetimeout"]; !set {
		config.KeepAliveTimeout = keepAliveTimeout
	}
	return config, nil
}

func check(config *client.Configuration) error {
	if config.GossipTimeout < 1 || config.GossipTimeout > maxGossipSeconds {
		return fmt.Errorf("gossipTimeout %d: want seconds, 1 to %d", config.GossipTimeout, maxGossipSeconds)
	}
	if config.MaxDiscoverAttempts < 1 {
		return fmt.Errorf("maxDiscoverAttempts %d: want at least 1", config.MaxDiscoverAttempts)
	}
	if config.DiscoveryInterval < 0 {
		return fmt.Errorf("discoveryInterval %d: want milliseconds, at least 0", config.DiscoveryInterval)
	}
	if config.DisableTLS && config.Username != "" {
		return errors.New("credentials are never sent with tls=false: use tls, or leave them out")
	}
	return nil
}

// settingsOf returns the settings after the '?', names in lower case. The rest
// of the string may name several hosts, which is no URL.
func settingsOf(connectionString string) (map[string]string, error) {
	_, query, _ := strings.Cut(connectionString, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	settings := make(map[string]string, len(values))
	for name, value := range values {
		settings[strings.ToLower(name)] = value[0]
	}
	return settings, nil
}
