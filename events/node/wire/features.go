package wire

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// protocolVersion is the EventStoreDB version whose protocol is served. Clients
// read it as three integers.
const protocolVersion = "24.10.0"

// featuresService tells clients what this server can do.
type featuresService struct {
	serverfeatures.UnimplementedServerFeaturesServer
}

// supported lists what is served, with names in lower case as clients compare
// them.
var supported = []*serverfeatures.SupportedMethod{
	feature("streams.streams", "read", "position", "events"),
	feature("streams.streams", "append"),
	feature("streams.streams", "batchappend", "deadline_duration"),
	feature("streams.streams", "delete"),
	feature("streams.streams", "tombstone"),
	feature("server_features.serverfeatures", "getsupportedmethods"),
	feature("gossip.gossip", "read"),
	feature("monitoring.monitoring", "stats"),
	feature("persistent_subscriptions.persistentsubscriptions", "create", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "update", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "delete", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "read", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "getinfo", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "replayparked", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "list", "stream", "all"),
	feature("persistent_subscriptions.persistentsubscriptions", "restartsubsystem", "stream", "all"),
}

func feature(service, method string, features ...string) *serverfeatures.SupportedMethod {
	return &serverfeatures.SupportedMethod{
		ServiceName: "event_store.client." + service,
		MethodName:  method,
		Features:    features,
	}
}

func (featuresService) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	return &serverfeatures.SupportedMethods{EventStoreServerVersion: protocolVersion, Methods: supported}, nil
}
