package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// shape is one row of the catalogue: how a fact is named and stored.
type shape struct {
	name string
	// version is the shape written today, counted from 1 and kept in the
	// metadata as "v".
	version int
	make    func() Fact
	// upcasts[i] turns the stored data of version i+1 into that of i+2.
	upcasts []func(map[string]json.RawMessage) error
}

// catalogue maps stored names to facts. A stored name never changes its
// meaning: a breaking change gets a new name, any other a new version and an
// upcast.
var catalogue = []shape{
	{"HandleClaimed", 1, func() Fact { return new(HandleClaimed) }, nil},
	{"UserRegistered", 2, func() Fact { return new(UserRegistered) }, upcasts(userRegisteredV1)},
	{"ProfileChanged", 1, func() Fact { return new(ProfileChanged) }, nil},
	{"UserErased", 1, func() Fact { return new(UserErased) }, nil},
	{"UserBlocked", 1, func() Fact { return new(UserBlocked) }, nil},
	{"UserUnblocked", 1, func() Fact { return new(UserUnblocked) }, nil},
	{"ConversationStarted", 1, func() Fact { return new(ConversationStarted) }, nil},
	{"ConversationRenamed", 1, func() Fact { return new(ConversationRenamed) }, nil},
	{"ParticipantAdded", 1, func() Fact { return new(ParticipantAdded) }, nil},
	{"ParticipantRemoved", 1, func() Fact { return new(ParticipantRemoved) }, nil},
	{"ParticipantRoleChanged", 1, func() Fact { return new(ParticipantRoleChanged) }, nil},
	{"MessagePinned", 1, func() Fact { return new(MessagePinned) }, nil},
	{"MessageUnpinned", 1, func() Fact { return new(MessageUnpinned) }, nil},
	{"MessagePosted", 1, func() Fact { return new(MessagePosted) }, nil},
	{"AttachmentShared", 1, func() Fact { return new(AttachmentShared) }, nil},
	{"MessageEdited", 1, func() Fact { return new(MessageEdited) }, nil},
	{"MessageRetracted", 1, func() Fact { return new(MessageRetracted) }, nil},
	{"ReactionAdded", 1, func() Fact { return new(ReactionAdded) }, nil},
	{"ReactionRemoved", 1, func() Fact { return new(ReactionRemoved) }, nil},
	{"ConversationMuted", 1, func() Fact { return new(ConversationMuted) }, nil},
	{"ConversationUnmuted", 1, func() Fact { return new(ConversationUnmuted) }, nil},
	{"ConversationArchived", 1, func() Fact { return new(ConversationArchived) }, nil},
	{"ConversationUnarchived", 1, func() Fact { return new(ConversationUnarchived) }, nil},
	{"DeliveredUpTo", 1, func() Fact { return new(DeliveredUpTo) }, nil},
	{"ReadUpTo", 1, func() Fact { return new(ReadUpTo) }, nil},
	{"TokenIssued", 1, func() Fact { return new(TokenIssued) }, nil},
	{"TokenRevoked", 1, func() Fact { return new(TokenRevoked) }, nil},
	{"SubjectRevoked", 1, func() Fact { return new(SubjectRevoked) }, nil},
	{"MerchantRegistered", 1, func() Fact { return new(MerchantRegistered) }, nil},
	{"AgentAdded", 1, func() Fact { return new(AgentAdded) }, nil},
	{"AgentRemoved", 1, func() Fact { return new(AgentRemoved) }, nil},
	{"CustomerLinked", 1, func() Fact { return new(CustomerLinked) }, nil},
	{"CustomerUnlinked", 1, func() Fact { return new(CustomerUnlinked) }, nil},
	{"OrderOffered", 1, func() Fact { return new(OrderOffered) }, nil},
	{"OfferAccepted", 1, func() Fact { return new(OfferAccepted) }, nil},
	{"OrderPlaced", 1, func() Fact { return new(OrderPlaced) }, nil},
	{"OrderPaid", 1, func() Fact { return new(OrderPaid) }, nil},
	{"OrderConfirmed", 1, func() Fact { return new(OrderConfirmed) }, nil},
	{"OrderInvoiced", 1, func() Fact { return new(OrderInvoiced) }, nil},
	{"OrderPacked", 1, func() Fact { return new(OrderPacked) }, nil},
	{"OrderShipped", 1, func() Fact { return new(OrderShipped) }, nil},
	{"ParcelLocated", 1, func() Fact { return new(ParcelLocated) }, nil},
	{"OrderOutForDelivery", 1, func() Fact { return new(OrderOutForDelivery) }, nil},
	{"OrderDelivered", 1, func() Fact { return new(OrderDelivered) }, nil},
	{"OrderDelayed", 1, func() Fact { return new(OrderDelayed) }, nil},
	{"OrderCancelled", 1, func() Fact { return new(OrderCancelled) }, nil},
	{"OrderRefunded", 1, func() Fact { return new(OrderRefunded) }, nil},
	{"CancellationRequested", 1, func() Fact { return new(CancellationRequested) }, nil},
	{"ChangeRequested", 1, func() Fact { return new(ChangeRequested) }, nil},
	{"ReturnRequested", 1, func() Fact { return new(ReturnRequested) }, nil},
	{"ChangeAccepted", 1, func() Fact { return new(ChangeAccepted) }, nil},
	{"ReturnAccepted", 1, func() Fact { return new(ReturnAccepted) }, nil},
	{"RequestDeclined", 1, func() Fact { return new(RequestDeclined) }, nil},
	{"ReturnReceived", 1, func() Fact { return new(ReturnReceived) }, nil},
	{"CaseOpened", 1, func() Fact { return new(CaseOpened) }, nil},
	{"CaseAssigned", 1, func() Fact { return new(CaseAssigned) }, nil},
	{"CaseResolved", 1, func() Fact { return new(CaseResolved) }, nil},
	{"CaseReopened", 1, func() Fact { return new(CaseReopened) }, nil},
	{"AppRegistered", 1, func() Fact { return new(AppRegistered) }, nil},
	{"AppChanged", 1, func() Fact { return new(AppChanged) }, nil},
	{"AppPublished", 1, func() Fact { return new(AppPublished) }, nil},
	{"AppSuspended", 1, func() Fact { return new(AppSuspended) }, nil},
	{"AppResumed", 1, func() Fact { return new(AppResumed) }, nil},
	{"AppSecretRotated", 1, func() Fact { return new(AppSecretRotated) }, nil},
	{"WebhookConfigured", 1, func() Fact { return new(WebhookConfigured) }, nil},
	{"WebhookRemoved", 1, func() Fact { return new(WebhookRemoved) }, nil},
	{"WebhookDisabled", 1, func() Fact { return new(WebhookDisabled) }, nil},
	{"AppInstalled", 1, func() Fact { return new(AppInstalled) }, nil},
	{"AppRemoved", 1, func() Fact { return new(AppRemoved) }, nil},
	{"AppConnected", 1, func() Fact { return new(AppConnected) }, nil},
	{"AppDisconnected", 1, func() Fact { return new(AppDisconnected) }, nil},
	{"ButtonPressed", 1, func() Fact { return new(ButtonPressed) }, nil},
	{"PageProfileChanged", 1, func() Fact { return new(PageProfileChanged) }, nil},
	{"PageSubscribed", 1, func() Fact { return new(PageSubscribed) }, nil},
	{"PageUnsubscribed", 1, func() Fact { return new(PageUnsubscribed) }, nil},
	{"PersonaCreated", 1, func() Fact { return new(PersonaCreated) }, nil},
	{"PersonaDeleted", 1, func() Fact { return new(PersonaDeleted) }, nil},
	{"ThreadControlPassed", 1, func() Fact { return new(ThreadControlPassed) }, nil},
	{"ThreadControlTaken", 1, func() Fact { return new(ThreadControlTaken) }, nil},
	{"ThreadControlRequested", 1, func() Fact { return new(ThreadControlRequested) }, nil},
	{"MediaUploaded", 1, func() Fact { return new(MediaUploaded) }, nil},
	{"MediaSwept", 1, func() Fact { return new(MediaSwept) }, nil},
	{"MessageReported", 1, func() Fact { return new(MessageReported) }, nil},
	{"ReportResolved", 1, func() Fact { return new(ReportResolved) }, nil},
}

var (
	shapeByName = make(map[string]*shape, len(catalogue))
	shapeByType = make(map[reflect.Type]*shape, len(catalogue))
)

func init() {
	for i := range catalogue {
		s := &catalogue[i]
		shapeByName[s.name] = s
		shapeByType[reflect.TypeOf(s.make())] = s
	}
}

// ErrUnknownFact: the catalogue has no such name, or an older program reads
// a newer shape.
var ErrUnknownFact = errors.New("unknown fact")

// TypeOf is the name a fact is stored under.
func TypeOf(fact Fact) string { return shapeByType[reflect.TypeOf(fact)].name }

// decodeFact reads a fact of any version that was ever stored. Fields it does
// not know are passed over.
func decodeFact(name string, version int, data []byte) (Fact, error) {
	s := shapeByName[name]
	if s == nil || version > s.version || version < 1 {
		return nil, fmt.Errorf("%w: %s version %d", ErrUnknownFact, name, version)
	}
	if version < s.version {
		upcast, err := upcastData(s, version, data)
		if err != nil {
			return nil, fmt.Errorf("reading %s version %d: %w", name, version, err)
		}
		data = upcast
	}
	fact := s.make()
	if f, ok := fact.(interface{ scan(data []byte) bool }); ok {
		if f.scan(data) {
			return fact, nil
		}
		fact = s.make()
	}
	if err := json.Unmarshal(data, fact); err != nil {
		return nil, fmt.Errorf("reading %s version %d: %w", name, version, err)
	}
	return fact, nil
}

func upcastData(s *shape, version int, data []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	for _, upcast := range s.upcasts[version-1:] {
		if err := upcast(fields); err != nil {
			return nil, err
		}
	}
	return json.Marshal(fields)
}

func upcasts(steps ...func(map[string]json.RawMessage) error) []func(map[string]json.RawMessage) error {
	return steps
}

// userRegisteredV1 had "name" for the display name and knew one product.
func userRegisteredV1(fields map[string]json.RawMessage) error {
	fields["displayName"] = fields["name"]
	delete(fields, "name")
	fields["product"] = json.RawMessage(`"messenger"`)
	return nil
}
