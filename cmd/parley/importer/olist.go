package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// Olist is the data set of a Brazilian marketplace, a folder of CSV files.
// Sellers become merchants, customer_unique_id a user, and an order one of the
// merchant of its items: one with several sellers is divided among them,
// numbered <order_id>, <order_id>-2 and so on, and one without items is the
// merchant's that is named olist. Each time in the files becomes the fact that
// it names, and a review the customer's message in the thread.
const Olist = "olist"

// atOnce is how many merchants, or customers, are imported at a time. Most of
// the time of each goes into waiting for a commit, which they share.
const atOnce = 64

// RunOlist writes what the files of a folder tell of orders. What the rules
// refuse is left out and told of; the summary is printed also after an error or
// the context's end, which leave all in the log that it counts.
func RunOlist(ctx context.Context, c *commands.Commands, journal *events.Journal, options Options, folder string) (OrdersSummary, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	tally := new(ordersTally)
	shops, err := readShops(ctx, folder, tally.refused)
	if err != nil {
		return OrdersSummary{}, err
	}
	tally.progress = newProgress(options, "orders", len(shops.purchases))
	m := &market{commands: c, journal: journal, product: options.Product, shops: shops, tally: tally}
	err = m.run(ctx)
	summary := tally.finish(options.Out, options.Err)
	if err != nil {
		return summary, fmt.Errorf("the import stopped before its end, and goes on when it is run again: %w", err)
	}
	return summary, nil
}

// market is one run. All that a customer bought is imported by one goroutine,
// in the order of its times, so that every thread has one writer.
type market struct {
	commands *commands.Commands
	journal  *events.Journal
	product  string
	shops    *shops
	tally    *ordersTally
}

func (m *market) run(ctx context.Context) error {
	if err := each(ctx, slices.Sorted(maps.Keys(m.shops.sellers)), m.openShop); err != nil {
		return err
	}
	return each(ctx, slices.Sorted(maps.Keys(m.shops.buyers)), m.serve)
}

// each does something for every name, of which atOnce are under way at a time.
// What has begun when the context ends is brought to its end.
func each(ctx context.Context, names []string, do func(context.Context, string) error) error {
	group, unbroken := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, name := range names {
		if unbroken.Err() != nil {
			break
		}
		group.Go(func() error { return do(context.WithoutCancel(ctx), name) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// merchantSpace is the UUIDv5 namespace of imported sellers.
var merchantSpace = uuid.MustParse("5e0a6a3c-9c1b-5b7e-8f53-0f1f8c2ad6b4")

// merchantID is the id of the merchant that a seller becomes.
func merchantID(seller string) uuid.UUID { return uuid.NewSHA1(merchantSpace, []byte(seller)) }

// openShop registers a merchant that the log does not have.
func (m *market) openShop(ctx context.Context, id string) error {
	seller, merchant := m.shops.sellers[id], merchantID(id)
	_, known, err := m.journal.Recorded(ctx, events.MerchantStream(merchant), 0)
	if err != nil || known || seller.first.IsZero() && id == nobody {
		return err
	}
	cause := events.Cause{Actor: merchant.String(), OccurredAt: seller.first}
	_, err = m.commands.RegisterMerchant(ctx, cause, decide.MerchantRegistration{Merchant: merchant, Name: seller.name})
	switch {
	case err == nil:
		m.tally.opened()
	case refusal(err):
		m.tally.refused("seller "+id, err)
	default:
		return err
	}
	return nil
}

// serve imports all that one customer bought.
func (m *market) serve(ctx context.Context, buyer string) error {
	purchases := m.shops.buyers[buyer]
	whole := slices.DeleteFunc(slices.Clone(purchases), func(p *purchase) bool {
		if p.broken != nil {
			m.tally.refused(p.number, p.broken)
			m.tally.done()
		}
		return p.broken != nil
	})
	if len(whole) == 0 {
		return nil
	}
	user, err := m.enter(ctx, buyer, whole[0].placed)
	if err != nil && !refusal(err) {
		return err
	}
	threads := threads{m, user, make(map[uuid.UUID]*thread)}
	for _, p := range whole {
		if err != nil {
			m.tally.refused(p.number, fmt.Errorf("its customer cannot be a user: %w", err))
		} else if err := threads.buy(ctx, p); err != nil {
			return err
		}
		m.tally.done()
	}
	return threads.review(ctx, whole)
}

// enter finds the user that a customer is, or registers one.
func (m *market) enter(ctx context.Context, buyer string, at time.Time) (uuid.UUID, error) {
	user, known, err := m.commands.UserByHandle(ctx, buyer)
	if err != nil || known {
		return user, err
	}
	registered, err := m.commands.Register(ctx, events.Cause{OccurredAt: at}, decide.Registration{
		Handle: buyer, DisplayName: fmt.Sprintf("Customer %.8s", buyer), Product: m.product,
	})
	if err != nil {
		return uuid.Nil, err
	}
	m.tally.registered()
	return registered.Fact.(*events.UserRegistered).User, nil
}

// threads are a customer's conversations with merchants.
type threads struct {
	*market
	customer uuid.UUID
	known    map[uuid.UUID]*thread // by merchant
}

// thread is what one of them says. It has no other writer during the import.
type thread struct {
	conversation uuid.UUID
	agreed       bool // the customer has opted in during this run
	messages     map[uuid.UUID]bool
	// receipts has the numbers of the messages that tell of orders.
	receipts map[uuid.UUID]uint64
}

// buy imports one purchase, as the orders that it becomes.
func (t *threads) buy(ctx context.Context, p *purchase) error {
	isNew := false
	for _, part := range p.parts() {
		recorded, err := t.record(ctx, p, part)
		if err != nil && !refusal(err) {
			return err
		}
		if err != nil {
			t.tally.refused(part.number, err)
		}
		isNew = isNew || recorded
	}
	if err := p.checkSum(); err != nil && isNew {
		t.tally.refused(p.number, err)
	}
	return nil
}

// record writes one order, unless the log has it and its thread tells of it.
func (t *threads) record(ctx context.Context, p *purchase, part part) (isNew bool, err error) {
	placement := p.placement(part, t.shops.titles)
	placement.Merchant, placement.Customer = merchantID(part.seller), t.customer
	order := events.OrderID(placement.Merchant, placement.Number)
	thread, err := t.thread(ctx, placement.Merchant)
	if err != nil {
		return false, err
	}
	_, told := thread.receipts[order]
	known := told
	if !told {
		_, known, err = t.journal.Recorded(ctx, events.OrderStream(order), 0)
	}
	if err == nil && !known && !thread.agreed {
		err = t.optIn(ctx, placement.Merchant, p.placed)
		thread.agreed = err == nil
	}
	if err != nil {
		return false, err
	}
	if known {
		t.tally.known()
	}
	if told {
		return false, nil
	}
	return t.write(ctx, p, thread, placement, known)
}

func (t *threads) write(ctx context.Context, p *purchase, thread *thread, placement decide.Placement, known bool) (isNew bool, err error) {
	updates, timeless := p.updates()
	told, refused, err := t.commands.RecordOrder(ctx, commands.History{
		Placement: placement, Updates: updates, Cause: events.Cause{Actor: placement.Merchant.String()},
	})
	if err != nil || known {
		delete(t.known, placement.Merchant) // it may have been told just now
		return false, err
	}
	for _, reason := range append(refused, timeless...) {
		t.tally.refused(placement.Number, reason)
	}
	if len(told.Events) > 0 {
		t.tally.ordered()
	}
	for _, message := range told.Messages {
		thread.add(message)
	}
	return len(told.Events) > 0, nil
}

// optIn lets a customer agree to the merchant, once: whoever has left since
// then stays away.
func (t *threads) optIn(ctx context.Context, merchant uuid.UUID, at time.Time) error {
	cause := events.Cause{Actor: t.customer.String(), OccurredAt: at, IdempotencyKey: "olist " + merchant.String()}
	_, err := t.commands.LinkCustomer(ctx, cause, merchant, decide.Consent{
		Customer: t.customer, Text: "bought on the Olist marketplace", Source: decide.FromImport,
	})
	if errors.Is(err, events.ErrKeyReused) {
		return nil // it was agreed at another time, when fewer orders were known
	}
	return err
}

// review posts what the customer wrote of the purchases, each as an answer to
// the message that tells of the order.
func (t *threads) review(ctx context.Context, purchases []*purchase) error {
	for _, p := range purchases {
		merchant := merchantID(p.parts()[0].seller)
		for _, review := range p.reviews {
			err := t.say(ctx, merchant, events.OrderID(merchant, p.number), p.number, review)
			if err != nil && !refusal(err) {
				return err
			}
			if err != nil {
				t.tally.refused(p.number, fmt.Errorf("its review: %w", err))
			}
		}
	}
	return nil
}

func (t *threads) say(ctx context.Context, merchant, order uuid.UUID, number string, r review) error {
	thread, err := t.thread(ctx, merchant)
	if err != nil {
		return err
	}
	key := t.journal.Keys.Pseudonym("review\x00" + r.id + "\x00" + number)
	id := events.KeyedID(t.customer.String(), key)
	if thread.messages[id] {
		t.tally.knownReview()
		return nil
	}
	message := decide.Message{Author: t.customer, Text: r.text}
	if receipt, told := thread.receipts[order]; told {
		message.ReplyTo = &receipt
	}
	cause := events.Cause{Actor: t.customer.String(), OccurredAt: r.at, IdempotencyKey: key}
	if _, err := t.commands.PostAll(ctx, thread.conversation, []commands.Posting{{Cause: cause, Message: message}}); err != nil {
		return err
	}
	thread.messages[id] = true
	t.tally.reviewed()
	return nil
}

// thread reads a conversation once.
func (t *threads) thread(ctx context.Context, merchant uuid.UUID) (*thread, error) {
	if known := t.known[merchant]; known != nil {
		return known, nil
	}
	found := &thread{
		conversation: events.BusinessID(merchant, t.customer), messages: make(map[uuid.UUID]bool), receipts: make(map[uuid.UUID]uint64),
	}
	for event, err := range t.journal.History(ctx, events.MessagesStream(found.conversation), 0) {
		if err != nil {
			return nil, fmt.Errorf("reading the messages of %s: %w", found.conversation, err)
		}
		found.add(event)
	}
	t.known[merchant] = found
	return found, nil
}

func (t *thread) add(event events.Event) {
	t.messages[event.ID] = true
	if posted, ok := event.Fact.(*events.MessagePosted); ok && posted.Order != nil && posted.Order.Entry == 0 {
		t.receipts[posted.Order.Order] = event.Revision
	}
}
