package bench

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Spread
	}{
		{[]float64{3}, Spread{3, 3, 3}},
		{[]float64{5, 1, 3}, Spread{3, 1, 5}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for p, want := range map[float64]time.Duration{0: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("p%v of 1..100 is %d, want %d", p, got, want)
		}
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("p99 of nothing is %d", got)
	}
}

// compared is a comparison of two rounds, whose ratios differ from the ratio
// of the medians.
func compared() Comparison {
	c := Comparison{Name: "sends", Unit: "sends", Parley: Side{Name: "parley"}, Control: Side{Name: "bare"}}
	for _, counts := range [][2]int{{1000, 4000}, {9000, 12000}} {
		c.Parley.add(round{counts[0], time.Second, []time.Duration{time.Millisecond}})
		c.Control.add(round{counts[1], time.Second, []time.Duration{2 * time.Millisecond}})
	}
	c.finish()
	return c
}

func TestRatiosAreMadeRoundByRound(t *testing.T) {
	if got, want := compared().Ratio, (Spread{0.5, 0.25, 0.75}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
}

func TestReportForPeopleAndPrograms(t *testing.T) {
	report := &Report{Benchmark: "send", Setting: "2 rounds", Comparisons: []Comparison{compared()}, Notes: []string{"checked"}}
	var table, object strings.Builder
	if err := errors.Join(report.Table(&table), report.JSON(&object)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"parley, sends/s   5,000  1,000   9,000", "RATIO    0.50   0.25    0.75", "- checked"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in\n%s", want, table.String())
		}
	}
	var back Report
	if err := json.Unmarshal([]byte(object.String()), &back); err != nil {
		t.Fatal(err)
	}
	if c := back.Comparisons[0]; c.Ratio.Median != 0.5 || c.Control.P99.Median != 2 || len(c.Parley.Rates) != 2 {
		t.Errorf("read back: %+v", c)
	}
}

func TestGrouped(t *testing.T) {
	for value, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567"} {
		if got := grouped(value, 0); got != want {
			t.Errorf("%v is %s, want %s", value, got, want)
		}
	}
	if got := grouped(1234.5, 2); got != "1,234.50" {
		t.Errorf("1234.5 is %s", got)
	}
}

func TestOptions(t *testing.T) {
	good := Options{Clients: 1, Rooms: 1, Events: 1, Listeners: 1, Fanout: 1, Rate: 1, Rounds: 1, Duration: time.Second}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no clients":    func(o *Options) { o.Clients = 0 },
		"too many":      func(o *Options) { o.Rooms = maxRooms + 1 },
		"no rounds":     func(o *Options) { o.Rounds = -1 },
		"no end":        func(o *Options) { o.Duration = 0 },
		"few requests":  func(o *Options) { o.Requests = -1 },
		"no events yet": func(o *Options) { o.Events = 0 },
		"no rate":       func(o *Options) { o.Rate = 0 },
	} {
		o := good
		spoil(&o)
		if err := o.Check(); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
