package decide

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"parley/events"
)

// DefaultProduct is where users come from who name no product.
const DefaultProduct = "messenger"

const (
	maxHandle      = 64
	maxDisplayName = 100
)

var productName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// User is what decisions need to know of a user.
type User struct {
	// Registered stays true of who is erased: nobody takes their place.
	Registered bool
	Erased     bool
	blocked    map[uuid.UUID]struct{}
}

// Active tells whether there is such a user now.
func (u User) Active() bool { return u.Registered && !u.Erased }

// EvolveUser applies a fact of a user's stream; it may change the user given.
func EvolveUser(user User, fact events.Fact) User {
	switch f := fact.(type) {
	case *events.UserRegistered:
		user.Registered = true
	case *events.UserErased:
		user.Erased, user.blocked = true, nil
	case *events.UserBlocked:
		if user.blocked == nil {
			user.blocked = make(map[uuid.UUID]struct{})
		}
		user.blocked[f.Blocked] = struct{}{}
	case *events.UserUnblocked:
		delete(user.blocked, f.Blocked)
	}
	return user
}

// Registration is the intent to become a user.
type Registration struct {
	User        uuid.UUID
	Handle      string
	DisplayName string
	// Product is DefaultProduct if it is empty.
	Product string
}

// Register makes a user of somebody who is not one yet. That the handle is
// free is decided by its claim, not here.
func Register(user User, r Registration) ([]events.Fact, error) {
	if r.Product == "" {
		r.Product = DefaultProduct
	}
	if err := checkHandle(r.Handle); err != nil {
		return nil, err
	}
	if err := checkLine("displayName", r.DisplayName, 1, maxDisplayName); err != nil {
		return nil, err
	}
	if !productName.MatchString(r.Product) {
		return nil, refuse(Invalid, "product", "must be 1 to 32 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit")
	}
	if user.Registered {
		return nil, refuse(Taken, "", "this user is registered already")
	}
	return []events.Fact{&events.UserRegistered{
		User:        r.User,
		Handle:      events.Private(r.Handle),
		DisplayName: events.Private(r.DisplayName),
		Product:     r.Product,
	}}, nil
}

func checkHandle(handle string) error {
	if err := checkLine("handle", handle, 1, maxHandle); err != nil {
		return err
	}
	if strings.IndexFunc(handle, unicode.IsSpace) >= 0 {
		return refuse(Invalid, "handle", "must not contain spaces")
	}
	// Else two handles could be different and look the same.
	if strings.IndexFunc(handle, func(r rune) bool { return !visible(r) }) >= 0 {
		return refuse(Invalid, "handle", "must not contain invisible characters")
	}
	return nil
}

// HandleTaken is the refusal of a handle that somebody else has claimed.
func HandleTaken() error {
	return refuse(Taken, "handle", "is taken by somebody else")
}

// NoSuchUser is the refusal of an intent about somebody who is not registered.
func NoSuchUser(field string, user uuid.UUID) error {
	return refuse(Unknown, field, "there is no user %s", user)
}

// ChangeProfile gives a user another display name.
func ChangeProfile(user User, id uuid.UUID, displayName string) ([]events.Fact, error) {
	if !user.Active() {
		return nil, NoSuchUser("", id)
	}
	if err := checkLine("displayName", displayName, 1, maxDisplayName); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ProfileChanged{User: id, DisplayName: events.Private(displayName)}}, nil
}

// Erase makes a user one who has left for good.
func Erase(user User, id uuid.UUID) ([]events.Fact, error) {
	switch {
	case !user.Registered:
		return nil, NoSuchUser("", id)
	case user.Erased:
		return nil, nil
	}
	return []events.Fact{&events.UserErased{User: id}}, nil
}
