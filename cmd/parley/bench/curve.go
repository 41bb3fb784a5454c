package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Curve is how quantities change with the number of events in a log, the
// smallest first.
type Curve struct {
	Points []Point `json:"points"`
}

// Point is what was found at one size.
type Point struct {
	Events int `json:"events"`
	// Start is the time to open the log; Append and P99 are the mean and the
	// 99th percentile of one append's latency. All are in milliseconds.
	Start  Paired `json:"startMillis"`
	Append Paired `json:"appendMillis"`
	P99    Paired `json:"p99Millis"`
	// CPU is the processor time that an append costs, in microseconds.
	CPU Paired `json:"cpuMicros"`
	// SendP99 and SendCPU are those of a whole send over HTTP, with its client
	// and all the work that it leaves to the views, in the same units.
	SendP99 Paired `json:"sendP99Millis"`
	SendCPU Paired `json:"sendCPUMicros"`
	// DiskPerEvent and Memory are in bytes; their ratios are to the first
	// point's.
	DiskPerEvent float64 `json:"diskBytesPerEvent"`
	DiskRatio    float64 `json:"diskRatio"`
	Memory       int     `json:"memoryBytes"`
	MemoryRatio  float64 `json:"memoryRatio"`
}

// Paired is a quantity beside that of a small log.
type Paired struct {
	Here  float64 `json:"here"`
	Small float64 `json:"small"`
	Ratio float64 `json:"ratio"`
	// HereRounds and SmallRounds are what the rounds found; the i-th are of
	// the same round.
	HereRounds  []float64 `json:"hereRounds"`
	SmallRounds []float64 `json:"smallRounds"`
}

func (p *Paired) add(here, small float64) {
	p.HereRounds, p.SmallRounds = append(p.HereRounds, here), append(p.SmallRounds, small)
}

// byRounds is for what varies with the machine: medians, and the median of the
// rounds' ratios.
func (p *Paired) byRounds() {
	ratios := make([]float64, len(p.HereRounds))
	for i := range ratios {
		ratios[i] = p.HereRounds[i] / p.SmallRounds[i]
	}
	p.Here, p.Small, p.Ratio = spreadOf(p.HereRounds).Median, spreadOf(p.SmallRounds).Median, spreadOf(ratios).Median
}

// byMeans is for what comes in lumps, as the work in the background does:
// means, and their ratio.
func (p *Paired) byMeans() {
	p.Here, p.Small = mean(p.HereRounds), mean(p.SmallRounds)
	p.Ratio = p.Here / p.Small
}

// finish computes what follows from the rounds, of which there must be one.
func (c *Curve) finish() {
	for i := range c.Points {
		p, first := &c.Points[i], &c.Points[0]
		p.Start.byRounds()
		p.Append.byRounds()
		p.P99.byRounds()
		p.CPU.byMeans()
		p.SendP99.byRounds()
		p.SendCPU.byMeans()
		p.DiskRatio = p.DiskPerEvent / first.DiskPerEvent
		if first.Memory > 0 {
			p.MemoryRatio = float64(p.Memory) / float64(first.Memory)
		}
	}
}

func (c *Curve) table(w io.Writer) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "events\tstart ms\t×\tappend ms\t×\tp99 ms\t×\tCPU µs\t×\tsend p99 ms\t×\tsend CPU µs\t×\tdisk B/event\t×\tmemory MiB\t×\t")
	for i := range c.Points {
		p := &c.Points[i]
		fmt.Fprintf(t, "%s\t", grouped(float64(p.Events), 0))
		for _, q := range []*Paired{&p.Start, &p.Append, &p.P99, &p.CPU, &p.SendP99, &p.SendCPU} {
			fmt.Fprintf(t, "%s\t%.2f\t", grouped(q.Here, 2), q.Ratio)
		}
		fmt.Fprintf(t, "%.0f\t%.2f\t%.0f\t%.2f\t\n", p.DiskPerEvent, p.DiskRatio, float64(p.Memory)/(1<<20), p.MemoryRatio)
	}
	return t.Flush()
}
