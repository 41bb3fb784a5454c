package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// files are those of a small marketplace, by their names.
type files map[string]string

const ordersHeader = "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n"

// smallMarket has an order of two sellers, one without items, a repeat buyer
// and all that can be wrong with an order.
func smallMarket() files {
	return files{
		olistCustomers: "\ufeffcustomer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n" +
			"c1,ana,01409,sao paulo,SP\nc2,ana,01409,sao paulo,SP\nc3,rui,30140,belo horizonte,MG\n",
		olistSellers: "seller_id,seller_city,seller_state\ns1,curitiba,PR\ns2,recife,PE\nidle,natal,RN\n",
		olistOrders: ordersHeader +
			"two,c1,delivered,2017-07-09 21:57:05,2017-07-09 22:10:13,2017-07-11 14:58:04,2017-07-26 10:57:55,2017-08-01 00:00:00\n" +
			"none,c2,unavailable,2017-01-01 10:00:00,2017-01-01 11:00:00,,,2017-02-01 00:00:00\n" +
			"late,c3,delivered,2017-03-01 10:00:00,2017-03-03 10:00:00,2017-03-02 10:00:00,2017-03-01 12:00:00,\n" +
			"early,c3,shipped,2017-04-02 10:00:00,2017-04-02 11:00:00,2017-04-01 10:00:00,,\n" +
			"undated,c3,delivered,2017-05-01 10:00:00,2017-05-01 11:00:00,2017-05-02 10:00:00,,\n" +
			"ended,c3,canceled,2017-06-01 10:00:00,2017-06-01 11:00:00,2017-06-02 10:00:00,2017-06-03 10:00:00,\n" +
			"odd,c3,lost,2017-06-10 10:00:00,whenever,,,\n" +
			"foreign,c9,created,2017-06-10 10:00:00,,,,\n" +
			"timeless,c3,created,,,,,\n" +
			"late,c3,created,2017-06-10 10:00:00,,,,\n",
		olistItems: "order_id,order_item_id,product_id,seller_id,price,freight_value\n" +
			"two,2,soap,s1,10.50,1.25\ntwo,1,lamp,s2,99.9,8\ntwo,3,soap,s1,10.50,1.25\n" +
			"late,1,lamp,s1,20.00,0\nearly,1,lamp,s1,20,0\nundated,1,lamp,s1,20,0\nended,1,lamp,s1,20,0\n" +
			"odd,1,lamp,s1,20,0\nforeign,1,lamp,s1,20,0\nnowhere,1,lamp,s1,20,0\n",
		olistPayments: "order_id,payment_sequential,payment_type,payment_installments,payment_value\n" +
			"two,1,credit_card,3,100.00\ntwo,2,voucher,1,31.4\nnone,1,boleto,1,15.00\nlate,1,boleto,1,20.00\nearly,1,boleto,1,19.99\n" +
			"undated,1,boleto,1,20\nended,1,boleto,1,20\nodd,1,boleto,1,2x\n",
		olistReviews: "review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,review_answer_timestamp\n" +
			"r1,two,4,Bom,\"Chegou, mas\r\ntarde\",2017-07-27 00:00:00,2017-07-28 10:00:00\n" +
			"r2,two,5,,,2017-07-27 00:00:00,2017-07-27 10:00:00\n" +
			"r1,late,1,,,2017-07-27 00:00:00,2017-07-27 10:00:00\n" +
			"r3,late,6,,,2017-07-27 00:00:00,2017-07-27 10:00:00\n" +
			"r4,late,3,,\n",
		olistProducts:     "product_id,product_category_name\nsoap,beleza_saude\nlamp,casa\n",
		olistTranslations: "product_category_name,product_category_name_english\nbeleza_saude,health_beauty\n",
	}
}

func (f files) write(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range f {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

type importedOrders struct {
	OrdersSummary
	out, errs string
}

func (h *house) runOlist(ctx context.Context, folder string) (importedOrders, error) {
	var out, errs bytes.Buffer
	summary, err := RunOlist(ctx, h.commands, h.journal, Options{Out: &out, Err: &errs}, folder)
	return importedOrders{summary, out.String(), errs.String()}, err
}

func (h *house) mustRunOlist(t testing.TB, folder string) importedOrders {
	t.Helper()
	result, err := h.runOlist(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// ledger is all that the log tells of orders, in a form that does not depend on
// users' ids.
type ledger struct {
	// Merchants has the names of merchants, and Orders each order by its number.
	Merchants map[string]bool
	Orders    map[string]ordered
	// Told counts the messages that tell of orders.
	Told    int
	Reviews map[string][]said // by the order that they answer
}

type ordered struct {
	Merchant, Customer, Status string
	Total, Paid                events.Money
	Steps                      []string
}

func (h *house) ledger(t testing.TB) ledger {
	t.Helper()
	l := ledger{Merchants: map[string]bool{}, Orders: map[string]ordered{}, Reviews: map[string][]said{}}
	shops, people := map[uuid.UUID]string{}, map[uuid.UUID]string{}
	states, steps := map[uuid.UUID]*decide.Order{}, map[uuid.UUID][]string{}
	receipts := map[string]uuid.UUID{} // orders by conversation and number
	for event := range h.events(t) {
		at := stamp(event.Meta.OccurredAt)
		switch f := event.Fact.(type) {
		case *events.MerchantRegistered:
			shops[f.Merchant] = f.Name
			l.Merchants[f.Name] = true
		case *events.UserRegistered:
			people[f.User] = f.Handle.Plain
		case events.OrderFact:
			order := f.Step().Order
			if states[order] == nil {
				states[order] = decide.NewOrder()
			}
			states[order] = decide.EvolveOrder(states[order], event)
			steps[order] = append(steps[order], event.Type+" "+at)
		case *events.MessagePosted:
			place := func(number uint64) string { return fmt.Sprint(f.Conversation, number) }
			if f.Order != nil {
				l.Told++
				receipts[place(event.Revision)] = f.Order.Order
				continue
			}
			mustAct(t, event, f.Author)
			number := states[receipts[place(*f.ReplyTo)]].Number
			l.Reviews[number] = append(l.Reviews[number], said{people[f.Author], f.Text.Plain, at})
		}
	}
	for id, o := range states {
		status := o.Stage.String()
		if o.Cancelled {
			status = "cancelled"
		}
		l.Orders[o.Number] = ordered{shops[o.Merchant], people[o.Customer], status, o.Total, o.Paid, steps[id]}
	}
	return l
}

func TestOlistBecomesOrders(t *testing.T) {
	h := newHouse(t)
	folder := smallMarket().write(t)
	result := h.mustRunOlist(t, folder)
	first, second := "Seller s1 (curitiba, PR)", "Seller s2 (recife, PE)"
	steps := func(steps ...string) []string { return steps }
	mustEqual(t, ledger{
		Merchants: map[string]bool{first: true, second: true, "Seller idle (natal, RN)": true, "olist": true},
		Orders: map[string]ordered{
			"two": {second, "ana", "delivered", 10790, 10790, steps("OrderPlaced 2017-07-09T21:57:05Z", "OrderConfirmed 2017-07-09T22:10:13Z",
				"OrderShipped 2017-07-11T14:58:04Z", "OrderDelivered 2017-07-26T10:57:55Z")},
			"two-2": {first, "ana", "delivered", 2350, 2350, steps("OrderPlaced 2017-07-09T21:57:05Z", "OrderConfirmed 2017-07-09T22:10:13Z",
				"OrderShipped 2017-07-11T14:58:04Z", "OrderDelivered 2017-07-26T10:57:55Z")},
			"none": {"olist", "ana", "cancelled", 1500, 1500, steps("OrderPlaced 2017-01-01T10:00:00Z", "OrderConfirmed 2017-01-01T11:00:00Z", "OrderCancelled 2017-01-01T11:00:00Z")},
			"late": {first, "rui", "delivered", 2000, 2000, steps("OrderPlaced 2017-03-01T10:00:00Z", "OrderConfirmed 2017-03-03T10:00:00Z",
				"OrderShipped 2017-03-02T10:00:00Z", "OrderDelivered 2017-03-01T12:00:00Z")},
			"early":   {first, "rui", "confirmed", 2000, 1999, steps("OrderPlaced 2017-04-02T10:00:00Z", "OrderConfirmed 2017-04-02T11:00:00Z")},
			"undated": {first, "rui", "shipped", 2000, 2000, steps("OrderPlaced 2017-05-01T10:00:00Z", "OrderConfirmed 2017-05-01T11:00:00Z", "OrderShipped 2017-05-02T10:00:00Z")},
			"ended": {first, "rui", "cancelled", 2000, 2000, steps("OrderPlaced 2017-06-01T10:00:00Z", "OrderConfirmed 2017-06-01T11:00:00Z",
				"OrderShipped 2017-06-02T10:00:00Z", "OrderCancelled 2017-06-02T10:00:00Z")},
			"odd": {first, "rui", "placed", 2000, 0, steps("OrderPlaced 2017-06-10T10:00:00Z")},
		},
		Told: 25,
		Reviews: map[string][]said{
			"two":  {{"ana", "★★★★★", "2017-07-27T10:00:00Z"}, {"ana", "★★★★☆\nBom\nChegou, mas\ntarde", "2017-07-28T10:00:00Z"}},
			"late": {{"rui", "★☆☆☆☆", "2017-07-27T10:00:00Z"}},
		},
	}, h.ledger(t))
	mustEqual(t, strings.Join([]string{
		"early: refused: 19.99 BRL was paid, but the items and their freight come to 20.00 BRL: a difference of 0.01 BRL",
		"early: refused: shipped: occurredAt: lies before the order was placed, at 2017-04-02T10:00:00Z",
		"ended: refused: delivered: type: a cancelled order is not delivered",
		"foreign: refused: its customer is not in olist_customers_dataset.csv",
		"late: refused: review_score is no number from 1 to 5",
		"late: refused: the order comes twice",
		"odd: refused: \"lost\" is no status that is known",
		"odd: refused: 0.00 BRL was paid, but the items and their freight come to 20.00 BRL: a difference of 20.00 BRL",
		"odd: refused: order_approved_at is no time such as 2017-07-09 21:57:05",
		"odd: refused: payment_value is no amount such as 128.45",
		"olist_order_items_dataset.csv:11: refused: its order nowhere is not in olist_orders_dataset.csv",
		"olist_order_reviews_dataset.csv:7: refused: wrong number of fields",
		"timeless: refused: order_purchase_timestamp is empty",
		"undated: refused: the status is \"delivered\", but there is no time at which it was delivered",
		"",
	}, "\n"), result.errs)
	mustEqual(t, "imported: 8 orders, 4 merchants, 2 users, 3 messages, 14 refused\n", result.out)
}

func TestAnOrderIsWhatItsRowsSay(t *testing.T) {
	h := newHouse(t)
	h.mustRunOlist(t, smallMarket().write(t))
	event, found, err := h.journal.Fact(t.Context(), events.OrderStream(events.OrderID(merchantID("s1"), "two-2")), 0)
	if err != nil || !found {
		t.Fatalf("the order was not found: %v", err)
	}
	basket := event.Fact.(*events.OrderPlaced).Basket
	mustEqual(t, []events.OrderLine{{Title: "health beauty", SKU: "soap", Quantity: 2, Amount: 2100}}, basket.Lines)
	mustEqual(t, []events.Money{2100, 250, 2350, 2350}, []events.Money{basket.Subtotal, basket.Shipping, basket.Total, basket.Paid})
	mustEqual(t, []string{
		"BRL", "credit card in 3 instalments, voucher", `{"city":"sao paulo","postalCode":"01409","state":"SP","country":"BR"}`, "2017-08-01T00:00:00Z",
	}, []string{basket.Currency, basket.PaymentMethod.Plain, basket.Address.Plain, stamp(basket.Estimate)})
}

func TestOrdersAreImportedOnce(t *testing.T) {
	h := newHouse(t)
	folder := smallMarket().write(t)
	first := h.mustRunOlist(t, folder)
	before := h.tip(t)
	again := h.mustRunOlist(t, folder)
	if after := h.tip(t); after != before {
		t.Errorf("the second run took the log from %d to %d", before, after)
	}
	again.Refused = 0
	mustEqual(t, OrdersSummary{KnownOrders: first.Orders, KnownMessages: first.Messages}, again.OrdersSummary)
}

// TestBrokenImportOfOrdersGoesOn ends it at every append there is.
func TestBrokenImportOfOrdersGoesOn(t *testing.T) {
	folder := smallMarket().write(t)
	whole := newHouse(t)
	whole.mustRunOlist(t, folder)
	want := whole.ledger(t)
	for appends := int64(0); ; appends += 3 {
		h := newHouse(t)
		log := &failing{Log: h.journal.Log, fail: func() error { return events.Unavailable(errors.New("the disk is full")) }}
		log.left.Store(appends)
		if _, err := furnish(log, h.journal.Keys).runOlist(t.Context(), folder); err == nil {
			break
		} else if !errors.Is(err, events.ErrUnavailable) {
			t.Fatalf("after %d appends: %v", appends, err)
		}
		h.mustRunOlist(t, folder)
		mustEqual(t, want, h.ledger(t))
	}
}

func TestAnImportOfOrdersCanBeStopped(t *testing.T) {
	h := newHouse(t)
	folder := smallMarket().write(t)
	ctx, cancel := context.WithCancel(t.Context())
	log := &failing{Log: h.journal.Log, fail: func() error { cancel(); return nil }}
	log.left.Store(5)
	if _, err := furnish(log, h.journal.Keys).runOlist(ctx, folder); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled import ended with %v", err)
	}
	h.mustRunOlist(t, folder)
	if got := len(h.ledger(t).Orders); got != 8 {
		t.Errorf("%d orders", got)
	}
}

// TestWhoHasLeftStaysAway: a customer who left after the first import is not
// linked by the second, and hears nothing of what it adds.
func TestWhoHasLeftStaysAway(t *testing.T) {
	h := newHouse(t)
	market := smallMarket()
	h.mustRunOlist(t, market.write(t))
	rui, _, err := h.commands.UserByHandle(t.Context(), "rui")
	if err != nil {
		t.Fatal(err)
	}
	merchant := merchantID("s1")
	if _, err := h.commands.UnlinkCustomer(t.Context(), events.Cause{Actor: rui.String()}, merchant, rui); err != nil {
		t.Fatal(err)
	}
	before := h.ledger(t)
	market[olistOrders] += "new,c3,created,2018-06-10 10:00:00,,,,\n"
	market[olistItems] += "new,1,lamp,s1,20,0\n"
	market[olistPayments] += "new,1,boleto,1,20\n"
	market[olistReviews] += "r9,new,5,,,2018-07-27 00:00:00,2018-07-27 10:00:00\n"
	again := h.mustRunOlist(t, market.write(t))
	after := h.ledger(t)
	if again.Orders != 1 || again.Messages != 0 || len(after.Orders) != len(before.Orders)+1 || after.Told != before.Told ||
		!strings.Contains(again.errs, "new: refused: its review: ") {
		t.Errorf("told %d before and %d now; %s%s", before.Told, after.Told, again.out, again.errs)
	}
	err = h.commands.MayWrite(t.Context(), events.BusinessID(merchant, rui), rui)
	if !isRefusal(err) {
		t.Errorf("the customer is linked again: %v", err)
	}
}

func TestFoldersThatAreNoDataSet(t *testing.T) {
	for name, change := range map[string]func(files){
		"a file is missing":   func(f files) { delete(f, olistPayments) },
		"a column is missing": func(f files) { f[olistItems] = strings.Replace(f[olistItems], "price", "prize", 1) },
		"a file is empty":     func(f files) { f[olistSellers] = "" },
	} {
		h, market := newHouse(t), smallMarket()
		change(market)
		if _, err := h.runOlist(t.Context(), market.write(t)); err == nil || !strings.Contains(err.Error(), "olist_") {
			t.Errorf("%s: %v", name, err)
		}
		if h.tip(t) != events.Beginning {
			t.Errorf("%s, and something was written", name)
		}
	}
	market := smallMarket()
	for _, name := range []string{olistProducts, olistTranslations} {
		delete(market, name)
	}
	if result := newHouse(t).mustRunOlist(t, market.write(t)); result.Orders != 8 {
		t.Errorf("without names of products: %v", result)
	}
}

func TestAmountsAreExact(t *testing.T) {
	for text, want := range map[string]events.Money{"128.45": 12845, "99.9": 9990, "8": 800, "0.07": 7, ".5": 50, "0": 0} {
		if got, err := (row{map[string]int{"x": 0}, []string{text}, 1}).amount("x"); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "1.234", "1e3", "1,5", "1.2.3", ".", "99999999999999999999"} {
		if got, err := (row{map[string]int{"x": 0}, []string{text}, 1}).amount("x"); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
