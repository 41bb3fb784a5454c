package messenger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events/commands"
)

// TestPagesCallSoOftenADay spends a page's calls hour by hour: an hour's calls
// are free again a day later, and people who come make more of them.
func TestPagesCallSoOftenADay(t *testing.T) {
	people, asked, fails := 1, 0, error(nil)
	q := newQuotas(func(context.Context, commands.Page) (int, error) { asked++; return people, fails })
	page := commands.Page{App: uuid.New()}
	now := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	spend := func(most int) (calls int) {
		t.Helper()
		for ; calls < most; calls++ {
			switch err := q.take(t.Context(), page, now); {
			case errors.Is(err, errDaily):
				return calls
			case err != nil:
				t.Fatal(err)
			}
		}
		return calls
	}
	if calls := spend(150); calls != 150 || asked != 0 {
		t.Errorf("%d calls were let through, and people counted %d times", calls, asked)
	}
	now = now.Add(5 * time.Hour)
	if calls := spend(1000); calls != callsEach-150 || asked != 1 {
		t.Errorf("%d more were let through, and people counted %d times", calls, asked)
	}
	people = 3
	if calls := spend(1000); calls != 0 || asked != 1 {
		t.Errorf("at once %d more were let through, and people counted %d times", calls, asked)
	}
	now = now.Add(engagedHolds)
	if calls := spend(1000); calls != 2*callsEach {
		t.Errorf("%d more were let through for two more people", calls)
	}
	now = time.Date(2026, 3, 3, 8, 59, 59, 0, time.UTC)
	if calls := spend(1000); calls != 0 {
		t.Errorf("%d were let through within the day", calls)
	}
	now = now.Add(time.Second)
	if calls := spend(1000); calls != 150 {
		t.Errorf("%d were let through once the first hour's had gone", calls)
	}
	now = now.Add(-3 * time.Hour) // as clocks are set
	if calls := spend(1000); calls != 0 {
		t.Errorf("%d were let through when the clock went back", calls)
	}
	other := commands.Page{App: uuid.New(), Merchant: uuid.New()}
	if err := q.take(t.Context(), other, now); err != nil {
		t.Errorf("another page is refused: %v", err)
	}
	now, fails = now.Add(3*time.Hour+2*engagedHolds), errors.New("the view is away")
	if err := q.take(t.Context(), page, now); !errors.Is(err, fails) {
		t.Errorf("nobody could be counted: %v", err)
	}
}
