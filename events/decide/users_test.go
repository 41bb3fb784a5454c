package decide_test

import (
	"strings"
	"testing"

	"parley/events"
	"parley/events/decide"
)

func registration() decide.Registration {
	return decide.Registration{User: ada, Handle: "ada", DisplayName: "Ada Lovelace"}
}

func registered(t *testing.T) decide.User {
	t.Helper()
	facts, err := decide.Register(decide.User{}, registration())
	if err != nil {
		t.Fatal(err)
	}
	return decide.EvolveUser(decide.User{}, facts[0])
}

func TestRegister(t *testing.T) {
	t.Run("a stranger becomes a user of the default product", func(t *testing.T) {
		got, err := decide.Register(decide.User{}, registration())
		when(t, got, err).then(&events.UserRegistered{
			User: ada, Handle: events.Private("ada"), DisplayName: events.Private("Ada Lovelace"), Product: "messenger",
		})
	})
	t.Run("nobody registers twice", func(t *testing.T) {
		got, err := decide.Register(registered(t), registration())
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	for _, bad := range []struct {
		name, field string
		spoil       func(*decide.Registration)
	}{
		{"empty handle", "handle", func(r *decide.Registration) { r.Handle = "" }},
		{"handle with a space", "handle", func(r *decide.Registration) { r.Handle = "a b" }},
		{"handle with a NUL", "handle", func(r *decide.Registration) { r.Handle = "a\x00" }},
		{"handle that looks like another", "handle", func(r *decide.Registration) { r.Handle = "ada\u200b" }},
		{"handle too long", "handle", func(r *decide.Registration) { r.Handle = strings.Repeat("ä", 65) }},
		{"handle in broken UTF-8", "handle", func(r *decide.Registration) { r.Handle = "a\xff" }},
		{"blank name", "displayName", func(r *decide.Registration) { r.DisplayName = "  " }},
		{"name that nobody sees", "displayName", func(r *decide.Registration) { r.DisplayName = "\u200b\u3164" }},
		{"name read backwards", "displayName", func(r *decide.Registration) { r.DisplayName = "\u202ebob" }},
		{"name of two lines", "displayName", func(r *decide.Registration) { r.DisplayName = "a\nb" }},
		{"name too long", "displayName", func(r *decide.Registration) { r.DisplayName = strings.Repeat("x", 101) }},
		{"product in capitals", "product", func(r *decide.Registration) { r.Product = "Messenger" }},
	} {
		t.Run(bad.name, func(t *testing.T) {
			r := registration()
			bad.spoil(&r)
			got, err := decide.Register(decide.User{}, r)
			when(t, got, err).thenRefused(decide.Invalid, bad.field)
		})
	}
}

func TestFoldHandle(t *testing.T) {
	for _, same := range [][2]string{{"Ada", "ada"}, {"STRASSE", "straße"}, {"ﬁn", "FIN"}, {"É", "e\u0301"}} {
		if a, b := decide.FoldHandle(same[0]), decide.FoldHandle(same[1]); a != b {
			t.Errorf("%q and %q fold to %q and %q, want the same", same[0], same[1], a, b)
		}
	}
	if decide.FoldHandle("ada") == decide.FoldHandle("ada_") {
		t.Error("different handles fold to the same")
	}
}

func TestChangeProfile(t *testing.T) {
	t.Run("a user takes another name", func(t *testing.T) {
		got, err := decide.ChangeProfile(registered(t), ada, "Countess")
		when(t, got, err).then(&events.ProfileChanged{User: ada, DisplayName: events.Private("Countess")})
	})
	t.Run("a stranger has no profile", func(t *testing.T) {
		got, err := decide.ChangeProfile(decide.User{}, ada, "Countess")
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("a blank name is none", func(t *testing.T) {
		got, err := decide.ChangeProfile(registered(t), ada, "\t")
		when(t, got, err).thenRefused(decide.Invalid, "displayName")
	})
}

func TestErase(t *testing.T) {
	erased := &events.UserErased{User: ada}
	t.Run("a user leaves for good", func(t *testing.T) {
		got, err := decide.Erase(registered(t), ada)
		when(t, got, err).then(erased)
	})
	t.Run("once", func(t *testing.T) {
		got, err := decide.Erase(givenUser(registers(ada), erased), ada)
		when(t, got, err).then()
	})
	t.Run("who was never there cannot leave", func(t *testing.T) {
		got, err := decide.Erase(decide.User{}, ada)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("nobody takes their place", func(t *testing.T) {
		got, err := decide.Register(givenUser(registers(ada), erased), registration())
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("nor gives them a name again", func(t *testing.T) {
		got, err := decide.ChangeProfile(givenUser(registers(ada), erased), ada, "Ada")
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}
