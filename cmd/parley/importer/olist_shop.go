package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/events"
)

// purchase is an order as the files tell of it.
type purchase struct {
	number string
	status string
	// Times are zero where the files have none.
	placed, approved, shipped, delivered, estimate time.Time

	items    []item
	payments []payment
	reviews  []review
	address  events.Address
	// broken is why it cannot be an order.
	broken error
}

type item struct {
	seller, product string
	price, freight  events.Money
	ordinal         int
}

type payment struct {
	method      string
	instalments int
	amount      events.Money
}

type review struct {
	id   string
	at   time.Time
	text string
}

// shops is what a folder of the Olist data set holds: who bought what from
// whom.
type shops struct {
	table
	purchases map[string]*purchase
	// buyers has everybody's purchases by the one id that they keep; buyer has
	// that id by the one that each order gives them.
	buyers  map[string][]*purchase
	buyer   map[string]string
	home    map[string]events.Address
	sellers map[string]*seller
	// titles has the names of products.
	titles map[string]string
}

// seller is a merchant in the files.
type seller struct {
	name string
	// first is when something was first bought from them.
	first time.Time
}

// nobody is the merchant of orders that name no seller.
const nobody = "olist"

func readShops(ctx context.Context, folder string, bad func(subject string, reason error)) (*shops, error) {
	s := &shops{
		table:     table{folder, bad},
		purchases: make(map[string]*purchase), buyers: make(map[string][]*purchase),
		buyer: make(map[string]string), home: make(map[string]events.Address),
		sellers: map[string]*seller{nobody: {name: nobody}}, titles: make(map[string]string),
	}
	for _, file := range []struct {
		name    string
		columns []string
		use     func(row)
	}{
		{olistCustomers, []string{"customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"}, s.customer},
		{olistSellers, []string{"seller_id", "seller_city", "seller_state"}, s.seller},
		{olistOrders, []string{"order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at",
			"order_delivered_carrier_date", "order_delivered_customer_date", "order_estimated_delivery_date"}, s.order},
		{olistItems, []string{"order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"}, s.item},
		{olistPayments, []string{"order_id", "payment_type", "payment_installments", "payment_value"}, s.payment},
		{olistReviews, []string{"review_id", "order_id", "review_score", "review_comment_title", "review_comment_message", "review_answer_timestamp"}, s.review},
	} {
		if err := s.read(ctx, file.name, file.columns, file.use); err != nil {
			return nil, err
		}
	}
	if err := s.readTitles(ctx); err != nil {
		return nil, err
	}
	s.settle()
	return s, nil
}

// readTitles names products for their category.
func (s *shops) readTitles(ctx context.Context) error {
	english := make(map[string]string)
	err := s.readIfThere(ctx, olistTranslations, []string{"product_category_name", "product_category_name_english"}, func(r row) {
		english[r.get("product_category_name")] = r.get("product_category_name_english")
	})
	if err != nil {
		return err
	}
	return s.readIfThere(ctx, olistProducts, []string{"product_id", "product_category_name"}, func(r row) {
		category := r.get("product_category_name")
		s.titles[r.get("product_id")] = strings.ReplaceAll(cmp.Or(english[category], category), "_", " ")
	})
}

// settle puts everybody's purchases into the order of their times, and finds
// out since when there is each seller.
func (s *shops) settle() {
	for _, purchases := range s.buyers {
		slices.SortFunc(purchases, func(a, b *purchase) int { return cmp.Or(a.placed.Compare(b.placed), cmp.Compare(a.number, b.number)) })
	}
	for _, p := range s.purchases {
		slices.SortStableFunc(p.items, func(a, b item) int { return cmp.Compare(a.ordinal, b.ordinal) })
		slices.SortStableFunc(p.reviews, func(a, b review) int { return a.at.Compare(b.at) })
		if p.broken != nil {
			continue
		}
		for _, part := range p.parts() {
			if seller := s.sellers[part.seller]; seller.first.IsZero() || p.placed.Before(seller.first) {
				seller.first = p.placed
			}
		}
	}
}

func (s *shops) customer(r row) {
	id := r.get("customer_id")
	s.buyer[id] = r.get("customer_unique_id")
	s.home[id] = events.Address{
		City: r.get("customer_city"), PostalCode: r.get("customer_zip_code_prefix"), State: r.get("customer_state"), Country: "BR",
	}
}

func (s *shops) seller(r row) {
	id := r.get("seller_id")
	s.sellers[id] = &seller{name: fmt.Sprintf("Seller %.8s (%s, %s)", id, r.get("seller_city"), r.get("seller_state"))}
}

func (s *shops) order(r row) {
	p := &purchase{number: r.get("order_id"), status: r.get("order_status")}
	var err error
	if p.placed, err = r.instant("order_purchase_timestamp"); err == nil && p.placed.IsZero() {
		err = errors.New("order_purchase_timestamp is empty")
	}
	buyer := s.buyer[r.get("customer_id")]
	switch {
	case p.number == "":
		s.bad(r.at(olistOrders), errors.New("order_id is empty"))
		return
	case s.purchases[p.number] != nil:
		s.bad(p.number, errors.New("the order comes twice"))
		return
	case err != nil:
		p.broken = err
	case buyer == "":
		p.broken = fmt.Errorf("its customer is not in %s", olistCustomers)
	}
	for _, step := range []struct {
		column string
		at     *time.Time
	}{
		{"order_approved_at", &p.approved}, {"order_delivered_carrier_date", &p.shipped},
		{"order_delivered_customer_date", &p.delivered}, {"order_estimated_delivery_date", &p.estimate},
	} {
		if *step.at, err = r.instant(step.column); err != nil {
			s.bad(p.number, err)
		}
	}
	p.address = s.home[r.get("customer_id")]
	s.purchases[p.number] = p
	s.buyers[buyer] = append(s.buyers[buyer], p)
}

func (r row) at(file string) string { return fmt.Sprintf("%s:%d", file, r.line) }

// of finds the order that a row belongs to, or tells of a row with none.
func (s *shops) of(r row, file string) *purchase {
	p := s.purchases[r.get("order_id")]
	if p == nil {
		s.bad(r.at(file), fmt.Errorf("its order %s is not in %s", r.get("order_id"), olistOrders))
	}
	return p
}

func (s *shops) item(r row) {
	p := s.of(r, olistItems)
	if p == nil {
		return
	}
	i := item{seller: r.get("seller_id"), product: r.get("product_id")}
	var errs [3]error
	i.price, errs[0] = r.amount("price")
	i.freight, errs[1] = r.amount("freight_value")
	i.ordinal, errs[2] = strconv.Atoi(r.get("order_item_id"))
	switch err := errors.Join(errs[:]...); {
	case err != nil:
		p.broken = fmt.Errorf("%s: %w", r.at(olistItems), err)
	case s.sellers[i.seller] == nil || i.seller == nobody:
		p.broken = fmt.Errorf("%s: its seller is not in %s", r.at(olistItems), olistSellers)
	default:
		p.items = append(p.items, i)
	}
}

func (s *shops) payment(r row) {
	p := s.of(r, olistPayments)
	if p == nil {
		return
	}
	amount, err := r.amount("payment_value")
	if err != nil {
		s.bad(p.number, err)
		return
	}
	instalments, _ := strconv.Atoi(r.get("payment_installments")) // what cannot be read is told of as one
	p.payments = append(p.payments, payment{r.get("payment_type"), instalments, amount})
}

const maxStars = 5

// review becomes a message of the day on which the customer wrote it: its stars
// and, if there are any, its words.
func (s *shops) review(r row) {
	p := s.of(r, olistReviews)
	if p == nil {
		return
	}
	at, err := r.instant("review_answer_timestamp")
	if err == nil && at.IsZero() {
		err = errors.New("review_answer_timestamp is empty")
	}
	stars, wrong := strconv.Atoi(r.get("review_score"))
	if wrong != nil || stars < 1 || stars > maxStars {
		err = errors.Join(err, fmt.Errorf("review_score is no number from 1 to %d", maxStars))
	}
	if err != nil {
		s.bad(p.number, err)
		return
	}
	text := strings.Repeat("★", stars) + strings.Repeat("☆", maxStars-stars)
	for _, words := range []string{r.get("review_comment_title"), r.get("review_comment_message")} {
		if words != "" {
			text += "\n" + words
		}
	}
	p.reviews = append(p.reviews, review{r.get("review_id"), at, text})
}
