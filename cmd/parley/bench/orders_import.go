package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/cmd/parley/importer"
)

// importOrders imports a folder of so many orders into a house of its own, and
// tells how fast that was.
func importOrders(ctx context.Context, p Program, o Options) (_ string, err error) {
	folder := filepath.Join(o.Dir, "olist")
	if err := writeOlist(folder, o.Events); err != nil {
		return "", err
	}
	house, err := o.openHouse(ctx, p, "imported")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, house.Close()) }()
	began := time.Now()
	imported, err := importer.RunOlist(ctx, house.Commands, house.Journal, importer.Options{Out: io.Discard, Err: io.Discard}, folder)
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	if imported.Orders != o.Events || imported.Messages != o.Events || imported.Refused > 0 {
		return "", fmt.Errorf("of %d orders: %s", o.Events, imported)
	}
	return fmt.Sprintf("an import of %d orders, each of a new customer and with a review, takes %.2f s: %.0f orders/s, with views following",
		o.Events, took.Seconds(), float64(o.Events)/took.Seconds()), nil
}

// writeOlist writes a folder of orders that were delivered, in the form of the
// Olist data set. Twenty orders share a seller.
func writeOlist(folder string, orders int) error {
	files := map[string]*strings.Builder{}
	line := func(name, format string, values ...any) {
		if files[name] == nil {
			files[name] = new(strings.Builder)
		}
		fmt.Fprintf(files[name], format+"\n", values...)
	}
	line("olist_customers_dataset.csv", "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state")
	line("olist_sellers_dataset.csv", "seller_id,seller_city,seller_state")
	line("olist_orders_dataset.csv", "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date")
	line("olist_order_items_dataset.csv", "order_id,order_item_id,product_id,seller_id,price,freight_value")
	line("olist_order_payments_dataset.csv", "order_id,payment_type,payment_installments,payment_value")
	line("olist_order_reviews_dataset.csv", "review_id,order_id,review_score,review_comment_title,review_comment_message,review_answer_timestamp")
	for i := range orders {
		if i%20 == 0 {
			line("olist_sellers_dataset.csv", "seller%d,natal,RN", i/20)
		}
		line("olist_customers_dataset.csv", "c%d,customer%d,01409,sao paulo,SP", i, i)
		line("olist_orders_dataset.csv", "order%d,c%d,delivered,2017-07-09 21:57:05,2017-07-09 22:10:13,2017-07-11 14:58:04,2017-07-26 10:57:55,2017-08-01 00:00:00", i, i)
		line("olist_order_items_dataset.csv", "order%d,1,lamp,seller%d,99.90,8.10", i, i/20)
		line("olist_order_payments_dataset.csv", "order%d,credit_card,3,108.00", i)
		line("olist_order_reviews_dataset.csv", "r%d,order%d,4,,Chegou antes do prazo,2017-07-28 10:00:00", i, i)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}
