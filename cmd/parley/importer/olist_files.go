package importer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/events"
)

// The files of the Olist data set. The last two may be absent; they only give
// products better names.
const (
	olistOrders       = "olist_orders_dataset.csv"
	olistCustomers    = "olist_customers_dataset.csv"
	olistItems        = "olist_order_items_dataset.csv"
	olistPayments     = "olist_order_payments_dataset.csv"
	olistReviews      = "olist_order_reviews_dataset.csv"
	olistSellers      = "olist_sellers_dataset.csv"
	olistProducts     = "olist_products_dataset.csv"
	olistTranslations = "product_category_name_translation.csv"
)

// row is one record of a CSV file, by the names of its columns.
type row struct {
	columns map[string]int
	cells   []string
	line    int
}

// get is a cell without the blanks around it.
func (r row) get(column string) string { return strings.TrimSpace(r.cells[r.columns[column]]) }

// instant reads a time, which is zero if the cell is empty. The files name no
// zone; their times are taken for UTC.
func (r row) instant(column string) (time.Time, error) {
	text := r.get(column)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is no time such as 2017-07-09 21:57:05", column)
	}
	return at, checkTime(at)
}

// amount reads a decimal number of reais exactly, in centavos.
func (r row) amount(column string) (events.Money, error) {
	whole, cents, _ := strings.Cut(r.get(column), ".")
	if whole+cents == "" || len(cents) > 2 || strings.Trim(whole+cents, "0123456789") != "" {
		return 0, fmt.Errorf("%s is no amount such as 128.45", column)
	}
	amount, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no amount such as 128.45", column)
	}
	return amount, nil
}

// byteOrderMark is what some files begin with.
var byteOrderMark = []byte("\ufeff")

// table reads the CSV files of a folder.
type table struct {
	folder string
	// bad is told of rows that cannot be read; they are passed over.
	bad func(subject string, reason error)
}

// read hands each row of a file to use. The file's first line names its
// columns, which must have those that are needed, in any order.
func (t table) read(ctx context.Context, name string, needed []string, use func(row)) error {
	file, err := os.Open(filepath.Join(t.folder, name))
	if err != nil {
		return err
	}
	defer file.Close()
	reader := csv.NewReader(withoutMark(file))
	columns, err := header(reader, needed)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if broken := (*csv.ParseError)(nil); errors.As(err, &broken) {
			t.bad(fmt.Sprintf("%s:%d", name, broken.StartLine), broken.Err)
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		line, _ := reader.FieldPos(0)
		use(row{columns, cells, line})
	}
}

// withoutMark reads past a byte order mark.
func withoutMark(file io.Reader) io.Reader {
	begin := make([]byte, len(byteOrderMark))
	n, _ := io.ReadFull(file, begin) // what fails here fails again at the next read
	return io.MultiReader(bytes.NewReader(bytes.TrimPrefix(begin[:n], byteOrderMark)), file)
}

func header(reader *csv.Reader, needed []string) (map[string]int, error) {
	names, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the names of the columns: %w", err)
	}
	columns := make(map[string]int, len(names))
	for i, name := range names {
		columns[strings.TrimSpace(name)] = i
	}
	for _, name := range needed {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("there is no column %s", name)
		}
	}
	return columns, nil
}

// readIfThere is read for a file that may be absent.
func (t table) readIfThere(ctx context.Context, name string, needed []string, use func(row)) error {
	err := t.read(ctx, name, needed, use)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
