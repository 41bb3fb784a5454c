package wire

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"

	"parley/events/node"
)

// operators is the group of those who look after persistent subscriptions.
const operators = "$ops"

// reserved are the calls that only some groups may make. What others may do is
// a question of the stream.
var reserved = map[string][]string{
	persistent.PersistentSubscriptions_Create_FullMethodName:           {node.Admins, operators},
	persistent.PersistentSubscriptions_Update_FullMethodName:           {node.Admins, operators},
	persistent.PersistentSubscriptions_Delete_FullMethodName:           {node.Admins, operators},
	persistent.PersistentSubscriptions_ReplayParked_FullMethodName:     {node.Admins, operators},
	persistent.PersistentSubscriptions_RestartSubsystem_FullMethodName: {node.Admins, operators},
}

// callerKey is where the context has the caller, if callers are known at all.
type callerKey struct{}

// allow denies a call that its caller has no right to. Without authentication
// everything is allowed.
func allow(ctx context.Context, n *node.Node, stream string, right node.Right) error {
	caller, known := ctx.Value(callerKey{}).(node.Caller)
	if !known {
		return nil
	}
	allowed, err := n.Allows(caller, stream, right)
	if err == nil && !allowed {
		err = errAccessDenied
	}
	return err
}
