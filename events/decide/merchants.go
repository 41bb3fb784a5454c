package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

const (
	maxMerchantName = 100
	maxConsent      = 2_000
	// MaxAgents bounds how many users act for one merchant.
	MaxAgents = 1_000
)

// Where customers opt in.
const (
	FromCheckout     = "checkout"
	FromConversation = "conversation"
	FromImport       = "import"
)

// Merchant is what decisions need to know of a merchant. The zero value is one
// that was not registered.
type Merchant struct {
	ID     uuid.UUID
	Name   string
	Agents map[uuid.UUID]events.AgentRole
	// Customers are those who have opted in and not left.
	Customers map[uuid.UUID]bool
	// Connected are the apps that speak for the merchant; the first of them is
	// the one whose threads they are unless it passes them on.
	Connected []Connection
	// Page is what bots made of the merchant's page.
	Page PageState
}

// NewMerchant is a merchant before its first fact.
func NewMerchant() *Merchant { return new(Merchant) }

// EvolveMerchant applies a fact of a merchant's stream; it changes and returns
// the merchant given.
func EvolveMerchant(m *Merchant, fact events.Fact) *Merchant {
	switch f := fact.(type) {
	case *events.MerchantRegistered:
		m.ID, m.Name = f.Merchant, f.Name
		m.Agents = make(map[uuid.UUID]events.AgentRole)
		m.Customers = make(map[uuid.UUID]bool)
	case *events.AgentAdded:
		m.Agents[f.User] = f.Role
	case *events.AgentRemoved:
		delete(m.Agents, f.User)
	case *events.CustomerLinked:
		m.Customers[f.Customer] = true
	case *events.CustomerUnlinked:
		delete(m.Customers, f.Customer)
	case *events.AppConnected, *events.AppDisconnected:
		m.evolvePage(fact)
	default:
		m.Page = m.Page.evolve(fact)
	}
	return m
}

// Registered tells whether the merchant exists.
func (m *Merchant) Registered() bool { return m.ID != uuid.Nil }

// Admit refuses everybody who does not act for the merchant.
func (m *Merchant) Admit(user uuid.UUID) error {
	if m.Agents[user] == "" {
		return NoSuchMerchant("")
	}
	return nil
}

// Serve refuses to write to a customer who has not opted in. By is the agent
// who wants to, or zero for the merchant itself; field names the customer.
func (m *Merchant) Serve(by, customer uuid.UUID, field string) error {
	switch {
	case !m.Registered():
		return NoSuchMerchant("")
	case by != uuid.Nil && m.Agents[by] == "":
		return NoSuchMerchant("")
	case !m.Customers[customer]:
		return refuse(Taken, field, "the customer has not opted in to this merchant, or has left it")
	}
	return nil
}

// NoSuchMerchant is what everybody is told who does not act for a merchant,
// and who names one that does not exist.
func NoSuchMerchant(field string) error {
	return refuse(Unknown, field, "there is no such merchant among yours")
}

// MerchantRegistration is the intent to open a business.
type MerchantRegistration struct {
	Merchant uuid.UUID
	Name     string
	// Owners are its first agents.
	Owners []uuid.UUID
}

// RegisterMerchant opens a business. That the owners are registered users is
// for the caller to see to.
func RegisterMerchant(m *Merchant, r MerchantRegistration) ([]events.Fact, error) {
	if err := checkLine("name", r.Name, 1, maxMerchantName); err != nil {
		return nil, err
	}
	if len(r.Owners) > MaxAgents {
		return nil, refuse(Invalid, "agents", "a merchant has at most %d agents", MaxAgents)
	}
	if m.Registered() {
		return nil, refuse(Taken, "", "this merchant is registered already")
	}
	facts := []events.Fact{&events.MerchantRegistered{Merchant: r.Merchant, Name: r.Name}}
	known := make(map[uuid.UUID]bool)
	for _, owner := range r.Owners {
		if !known[owner] {
			known[owner] = true
			facts = append(facts, &events.AgentAdded{Merchant: r.Merchant, User: owner, Role: events.OwnerAgent})
		}
	}
	return facts, nil
}

// AddAgent lets a user act for the merchant, or gives an agent another role.
// By is an owner, or zero for an operator.
func AddAgent(m *Merchant, by, user uuid.UUID, role events.AgentRole) ([]events.Fact, error) {
	if err := m.admitOwner(by); err != nil {
		return nil, err
	}
	if role != events.OwnerAgent && role != events.PlainAgent {
		return nil, refuse(Invalid, "role", "must be \"owner\" or \"agent\"")
	}
	switch {
	case m.Agents[user] == role:
		return nil, nil
	case role != events.OwnerAgent && m.lastOwner(user):
		return nil, refuse(Taken, "role", "the merchant's last owner stays one")
	case m.Agents[user] == "" && len(m.Agents) >= MaxAgents:
		return nil, refuse(Taken, "userId", "a merchant has at most %d agents", MaxAgents)
	}
	return []events.Fact{&events.AgentAdded{Merchant: m.ID, User: user, Role: role, By: by}}, nil
}

// RemoveAgent ends that a user acts for the merchant. Agents may go by
// themselves; others are removed by an owner, or by an operator, who is zero.
func RemoveAgent(m *Merchant, by, user uuid.UUID) ([]events.Fact, error) {
	if by == uuid.Nil || by != user {
		if err := m.admitOwner(by); err != nil {
			return nil, err
		}
	} else if err := m.Admit(by); err != nil {
		return nil, err
	}
	switch {
	case m.Agents[user] == "":
		return nil, nil
	case by != uuid.Nil && m.lastOwner(user):
		return nil, refuse(Taken, "", "the merchant's last owner cannot go")
	}
	return []events.Fact{&events.AgentRemoved{Merchant: m.ID, User: user, By: by}}, nil
}

func (m *Merchant) admitOwner(by uuid.UUID) error {
	if by == uuid.Nil && m.Registered() {
		return nil
	}
	if err := m.Admit(by); err != nil {
		return err
	}
	if m.Agents[by] != events.OwnerAgent {
		return refuse(Forbidden, "", "only an owner of the merchant may do this")
	}
	return nil
}

func (m *Merchant) lastOwner(user uuid.UUID) bool {
	if m.Agents[user] != events.OwnerAgent {
		return false
	}
	for other, role := range m.Agents {
		if other != user && role == events.OwnerAgent {
			return false
		}
	}
	return true
}

// Consent is the intent of a customer to let a merchant write to them.
type Consent struct {
	Customer uuid.UUID
	// Text is what they agreed to, in the words they saw.
	Text string
	// Source is where: FromCheckout, FromConversation or FromImport.
	Source string
	// Again records it even of a customer who has opted in.
	Again bool
}

// LinkCustomer records a customer's opt-in.
func LinkCustomer(m *Merchant, c Consent) ([]events.Fact, error) {
	if !m.Registered() {
		return nil, refuse(Unknown, "", "there is no such merchant")
	}
	if err := checkText("consent", c.Text, 1, maxConsent); err != nil {
		return nil, err
	}
	if m.Customers[c.Customer] && !c.Again {
		return nil, nil
	}
	return []events.Fact{&events.CustomerLinked{
		Merchant: m.ID, Customer: c.Customer, Source: c.Source, Consent: events.Private(c.Text),
	}}, nil
}

// UnlinkCustomer ends a customer's opt-in.
func UnlinkCustomer(m *Merchant, customer uuid.UUID) ([]events.Fact, error) {
	if !m.Customers[customer] {
		return nil, nil
	}
	return []events.Fact{&events.CustomerUnlinked{Merchant: m.ID, Customer: customer}}, nil
}
