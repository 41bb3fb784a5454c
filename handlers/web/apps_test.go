package web_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/projections"
)

func anAppIsAddedFromTheDirectory(t *testing.T, s *stage, browser context.Context) {
	hal, ivy := s.Person("hal"), s.Person("ivy")
	room := hal.Start("group", ivy)
	bell := s.app(ivy, "Bell Tower", "Rings the hours.", "messages:read", "messages:write")
	s.app(ivy, "Almanac", "Knows the moon.", "profile:read")
	other := ivy.Start("group", hal)
	ivy.Do(http.MethodPut, installed(other, bell), nil).Want(http.StatusNoContent)

	b := s.signIn(t, browser, narrow, at(room), hal)
	b.click("[aria-label=Apps]")
	b.sees(".side", "No app takes part here yet.")
	b.clicks(".side .button", "Browse apps")
	b.sees(".directory button.app-row", "Knows the moon.")
	b.sees(".ranked", "Bell Tower+1 this month")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input[type=search]"), "HOURS"))
	b.is("document.querySelectorAll('.directory button.app-row').length === 1")
	b.clicks(".directory button.app-row", "Bell Tower")
	b.sees("dialog .grant-choice", "Read what is said here from now on")
	b.is("document.documentElement.scrollWidth === innerWidth")
	b.is("document.querySelectorAll('dialog .grant-choice input:checked').length === 2")
	b.clicks("dialog .check", "Read what is said")
	b.clicks("dialog .check", "Write messages")
	b.clicks("dialog .button", "Add to the conversation")
	b.sees("dialog .field-error", "at least one of these")
	b.clicks("dialog .check", "Write messages")
	b.clicks("dialog .button", "Add to the conversation")
	b.sees(".side .app-row", "Bell Tower")
	b.sees(".side .app-row", "Added by you")
	here := appsIn(hal, room)
	if len(here) != 1 || !slices.Equal(here[0].Grants, []events.Grant{events.WriteMessages}) {
		t.Fatalf("in the conversation are %+v, want the app with the one grant that was ticked", here)
	}

	b.click("[aria-label='Remove Bell Tower']")
	b.clicks("dialog .button", "Remove")
	b.sees(".side", "No app takes part here yet.")
	if left := appsIn(hal, room); len(left) != 0 {
		t.Fatalf("in the conversation are %+v after the only app was removed", left)
	}
}

// appsIn are the apps of a conversation.
func appsIn(who *handlertest.Client, conversation uuid.UUID) []projections.Installed {
	var here struct {
		Apps []projections.Installed `json:"apps"`
	}
	who.Get("/v1/conversations/" + conversation.String() + "/apps").Want(http.StatusOK).Into(&here)
	return here.Apps
}
