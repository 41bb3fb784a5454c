package importer

import (
	"encoding/csv"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const realOrders = "../../../../shared/data/orders"

// sampled are beginnings of order numbers; with them, a sample has some of all
// that is wrong with the data.
var sampled = []string{"0d", "1d", "2c", "2d", "08"}

// realMarket finds the real data set. Under the race detector it makes a sample
// of it, of whole orders.
func realMarket(t testing.TB) (folder string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(realOrders, olistOrders)); err != nil {
		if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
			t.Fatal("real orders are required, and ../shared/data/orders, seen from the project's root, has none")
		}
		t.Skip("real orders are not at ../shared/data/orders, seen from the project's root")
	}
	if !raceEnabled {
		return realOrders
	}
	folder = t.TempDir()
	wanted := map[string]bool{}
	keep := func(name string, column int, rule func([]string) bool) {
		file := readCSV(t, filepath.Join(realOrders, name))
		kept := file[:1]
		for _, cells := range file[1:] {
			if rule(cells) {
				kept = append(kept, cells)
				wanted[cells[column]] = true
			}
		}
		writeCSV(t, filepath.Join(folder, name), kept)
	}
	of := func(column int) func([]string) bool {
		return func(cells []string) bool { return wanted[cells[column]] }
	}
	keep(olistOrders, 1, func(cells []string) bool {
		for _, prefix := range sampled {
			wanted[cells[0]] = wanted[cells[0]] || strings.HasPrefix(cells[0], prefix)
		}
		return wanted[cells[0]]
	})
	keep(olistItems, 3, of(0))
	keep(olistPayments, 0, of(0))
	keep(olistReviews, 0, of(1))
	keep(olistCustomers, 0, of(0))
	keep(olistSellers, 0, of(0))
	return folder
}

func readCSV(t testing.TB, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func writeCSV(t testing.TB, path string, rows [][]string) {
	t.Helper()
	file, err := os.Create(path)
	if err == nil {
		err = csv.NewWriter(file).WriteAll(rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// expected is what the files come to, found without the importer: by sets and
// sums of their columns. Times are compared as texts, which is how they sort.
type expected struct {
	OrdersSummary
	Statuses map[string]int
	// Total and Paid are in centavos.
	Total, Paid int64
}

// cents reads an amount by way of a fraction.
func cents(t testing.TB, text string) int64 {
	t.Helper()
	amount, ok := new(big.Rat).SetString(text)
	if !ok || !amount.Mul(amount, big.NewRat(100, 1)).IsInt() {
		t.Fatalf("%q is no amount", text)
	}
	return amount.Num().Int64()
}

func expect(t testing.TB, folder string) expected {
	t.Helper()
	e := expected{Statuses: map[string]int{}}
	due, paid, sellers := map[string]int64{}, map[string]int64{}, map[string]map[string]bool{}
	merchants, users := map[string]bool{}, map[string]bool{}
	for _, cells := range readCSV(t, filepath.Join(folder, olistItems))[1:] {
		order, seller := cells[0], cells[3]
		if sellers[order] == nil {
			sellers[order] = map[string]bool{}
		}
		sellers[order][seller], merchants[seller] = true, true
		due[order] += cents(t, cells[5]) + cents(t, cells[6])
	}
	for _, cells := range readCSV(t, filepath.Join(folder, olistPayments))[1:] {
		paid[cells[0]] += cents(t, cells[4])
	}
	person := map[string]string{}
	for _, cells := range readCSV(t, filepath.Join(folder, olistCustomers))[1:] {
		person[cells[0]] = cells[1]
	}
	for _, cells := range readCSV(t, filepath.Join(folder, olistOrders))[1:] {
		order := cells[0]
		users[person[cells[1]]] = true
		parts := max(1, len(sellers[order]))
		if len(sellers[order]) == 0 {
			merchants["olist"] = true
			due[order] = paid[order]
		}
		if due[order] != paid[order] {
			e.Refused++
		}
		e.Total += due[order]
		e.Paid += min(due[order], paid[order])
		e.Orders += parts
		status, refused := ends(cells)
		e.Statuses[status] += parts
		e.Refused += refused * parts
	}
	e.Messages = len(readCSV(t, filepath.Join(folder, olistReviews))) - 1
	e.Merchants, e.Users = len(merchants), len(users)
	return e
}

// ends tells where an order of the file ends, and how many of its steps are
// refused on the way.
func ends(cells []string) (status string, refused int) {
	said, placed, carrier, delivered := cells[2], cells[3], cells[5], cells[6]
	early := carrier != "" && carrier < placed
	if early {
		refused++
	}
	wayward := "shipped"
	if carrier == "" || early {
		wayward = "confirmed"
	}
	switch {
	case said == "canceled" || said == "unavailable":
		if delivered != "" {
			refused++
		}
		return "cancelled", refused
	case said == "delivered" && delivered == "":
		if carrier == "" {
			refused++
		}
		return wayward, refused + 1
	case said == "shipped":
		return wayward, refused
	}
	return map[string]string{
		"created": "placed", "approved": "confirmed", "invoiced": "invoiced", "processing": "packed", "delivered": "delivered",
	}[said], refused
}

func TestRealOrdersAreImportedWhole(t *testing.T) {
	folder := realMarket(t)
	want := expect(t, folder)
	h := newHouse(t)
	began := time.Now()
	result := h.mustRunOlist(t, folder)
	t.Logf("%s%d orders in %v", result.out, result.Orders, time.Since(began).Round(time.Millisecond))
	got := expected{OrdersSummary: result.OrdersSummary, Statuses: map[string]int{}}
	facts, ledger := 0, h.ledger(t)
	for _, order := range ledger.Orders {
		got.Statuses[order.Status]++
		got.Total += order.Total
		got.Paid += order.Paid
		facts += len(order.Steps)
	}
	mustEqual(t, want, got)
	if want.Refused == 0 || want.Statuses["cancelled"] == 0 || want.Orders == len(readCSV(t, filepath.Join(folder, olistOrders)))-1 {
		t.Errorf("the data has nothing wrong, or no order of several sellers: %+v", want)
	}
	if lines := strings.Count(result.errs, ": refused: "); lines != want.Refused || ledger.Told != facts {
		t.Errorf("%d refusals are listed, %d facts told of %d", lines, ledger.Told, facts)
	}
	checkReviews(t, folder, ledger)

	before := h.tip(t)
	again := h.mustRunOlist(t, folder)
	mustEqual(t, OrdersSummary{KnownOrders: want.Orders, KnownMessages: want.Messages}, again.OrdersSummary)
	if after := h.tip(t); after != before {
		t.Errorf("the second run took the log from %d to %d", before, after)
	}
}

// checkReviews finds every review, with its time and its words, at its order.
func checkReviews(t *testing.T, folder string, found ledger) {
	t.Helper()
	said := map[string]int{}
	for number, reviews := range found.Reviews {
		for _, r := range reviews {
			stars, words, _ := strings.Cut(r.Text, "\n")
			said[fmt.Sprint(number, " ", r.At, " ", strings.Count(stars, "★"), " ", strings.Join(strings.Fields(words), " "))]++
		}
	}
	for _, cells := range readCSV(t, filepath.Join(folder, olistReviews))[1:] {
		at := strings.Replace(cells[6], " ", "T", 1) + "Z"
		review := fmt.Sprint(cells[1], " ", at, " ", cells[2], " ", strings.Join(strings.Fields(cells[3]+" "+cells[4]), " "))
		if said[review]--; said[review] < 0 {
			t.Errorf("the review is missing: %s", review)
		}
	}
}
