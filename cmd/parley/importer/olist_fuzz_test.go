package importer

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"parley/events"
)

// marketFiles are the files of a data set, as FuzzOlistFiles numbers them.
var marketFiles = []string{
	olistOrders, olistCustomers, olistItems, olistPayments, olistReviews, olistSellers, olistProducts, olistTranslations,
}

// FuzzOlistFiles imports a small marketplace with another file in the place of
// one of its own. Either the file is refused as a whole, by its name and before
// anything is written, or each of its orders is in the log or told of, and a
// second import adds nothing.
func FuzzOlistFiles(f *testing.F) {
	for i, name := range marketFiles {
		f.Add(uint8(i), smallMarket()[name])
	}
	orders := smallMarket()[olistOrders]
	f.Add(uint8(0), "")
	f.Add(uint8(0), "order_id,order_id\n\x00,\xff\n")
	f.Add(uint8(0), ordersHeader+"\"open,c3,created,2017-06-10 10:00:00,,,,\n"+orders[len(ordersHeader):])
	f.Add(uint8(0), ordersHeader+"a\nb,c3,created,2017-06-10 10:00:00,,,,\n\"a\nb\",c3,created,2017-06-10 10:00:00,,,,\n\xff\x00,c3,created,0001-01-01 00:00:00,,,,\n")
	f.Add(uint8(0), ordersHeader+strings.Repeat("x", 5000)+",c3,delivered,9999-12-31 23:59:59,9999-12-31 23:59:59,,,\n,c3,created,2017-06-10 10:00:00,,,,\n")
	f.Add(uint8(1), strings.ReplaceAll(smallMarket()[olistCustomers], "rui", "\x00 ?!"))
	f.Add(uint8(2), strings.ReplaceAll(smallMarket()[olistItems], "20,0", "92233720368547758.07,92233720368547758.07"))
	f.Add(uint8(5), strings.ReplaceAll(smallMarket()[olistSellers], "curitiba", "\xff\u202e"))
	f.Fuzz(func(t *testing.T, which uint8, content string) {
		market := smallMarket()
		name := marketFiles[int(which)%len(marketFiles)]
		market[name] = content
		folder, h := market.write(t), newHouse(t)
		result, err := h.runOlist(t.Context(), folder)
		if err != nil {
			if !strings.Contains(err.Error(), name) || h.tip(t) != events.Beginning {
				t.Errorf("the log is at %d: %v", h.tip(t), err)
			}
			return
		}
		if told := strings.Count(result.errs, ": refused: "); told < result.Refused {
			t.Errorf("%d refusals, of which %d are told: %s", result.Refused, told, result.errs)
		}
		placed := h.placed(t)
		for _, number := range orderNumbers(market[olistOrders]) {
			if !placed[number] && !strings.Contains(result.errs, number+": refused: ") {
				t.Errorf("nothing became of order %q: %s", number, result.errs)
			}
		}
		before := h.tip(t)
		if _, err := h.runOlist(t.Context(), folder); err != nil || h.tip(t) != before {
			t.Errorf("the second run took the log from %d to %d: %v", before, h.tip(t), err)
		}
	})
}

// placed are the numbers of the orders that are in the log.
func (h *house) placed(t *testing.T) map[string]bool {
	t.Helper()
	numbers := make(map[string]bool)
	for event := range h.events(t) {
		if f, ok := event.Fact.(*events.OrderPlaced); ok {
			numbers[f.Basket.Number] = true
		}
	}
	return numbers
}

// orderNumbers are those of a file's rows, as far as they can be read.
func orderNumbers(content string) (numbers []string) {
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(content, string(byteOrderMark))))
	header, _ := reader.Read()
	column := 0
	for i, name := range header {
		if strings.TrimSpace(name) == "order_id" {
			column = i // of columns with the same name the last one counts
		}
	}
	for {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return numbers
		}
		if err == nil {
			numbers = append(numbers, strings.TrimSpace(cells[column]))
		}
	}
}
