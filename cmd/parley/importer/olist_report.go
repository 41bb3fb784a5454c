package importer

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
)

// OrdersSummary counts what one import of orders did.
type OrdersSummary struct {
	// Orders, Merchants, Users and Messages are those that are new; messages
	// are customers' reviews.
	Orders, Merchants, Users, Messages int
	// Refused counts what could not be kept: orders, steps and rows of files.
	Refused int
	// KnownOrders and KnownMessages were in the log before.
	KnownOrders, KnownMessages int
}

func (s OrdersSummary) String() string {
	return fmt.Sprintf("imported: %d orders, %d merchants, %d users, %d messages, %d refused",
		s.Orders, s.Merchants, s.Users, s.Messages, s.Refused)
}

// ordersTally counts what is done and remembers what was refused.
type ordersTally struct {
	mu       sync.Mutex // guards the rest
	progress progress
	summary  OrdersSummary
	refusals []refusedOrder
}

// refusedOrder is something that could not be kept. The subject is an order's
// number or, where that is not known, a file's line.
type refusedOrder struct {
	subject string
	reason  error
}

func (t *ordersTally) opened()      { t.count(func() { t.summary.Merchants++ }) }
func (t *ordersTally) registered()  { t.count(func() { t.summary.Users++ }) }
func (t *ordersTally) ordered()     { t.count(func() { t.summary.Orders++ }) }
func (t *ordersTally) known()       { t.count(func() { t.summary.KnownOrders++ }) }
func (t *ordersTally) reviewed()    { t.count(func() { t.summary.Messages++ }) }
func (t *ordersTally) knownReview() { t.count(func() { t.summary.KnownMessages++ }) }
func (t *ordersTally) done()        { t.count(func() { t.progress.add(1) }) }

func (t *ordersTally) refused(subject string, reason error) {
	t.count(func() {
		t.summary.Refused++
		t.refusals = append(t.refusals, refusedOrder{subject, reason})
	})
}

func (t *ordersTally) count(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
}

// finish tells what was done; the summary is the last line.
func (t *ordersTally) finish(out, errs io.Writer) OrdersSummary {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.finish()
	slices.SortStableFunc(t.refusals, func(a, b refusedOrder) int {
		return cmp.Or(cmp.Compare(a.subject, b.subject), cmp.Compare(a.reason.Error(), b.reason.Error()))
	})
	for _, refused := range t.refusals {
		fmt.Fprintf(errs, "%s: refused: %v\n", refused.subject, refused.reason)
	}
	if t.summary.KnownOrders+t.summary.KnownMessages > 0 {
		fmt.Fprintf(out, "already there: %d orders, %d messages\n", t.summary.KnownOrders, t.summary.KnownMessages)
	}
	fmt.Fprintln(out, t.summary)
	return t.summary
}
