package projections

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lagTimeout bounds how long the metrics wait for the log's tip.
const lagTimeout = 2 * time.Second

var (
	lagPositions = prometheus.NewDesc("parley_projection_lag",
		"Positions of the log that a view has not passed yet. Absent while the log cannot be reached.", []string{"projection"}, nil)
	lagSeconds = prometheus.NewDesc("parley_projection_lag_seconds",
		"How long ago the log took the last event that a view shows, while there are others to show. Absent while the log cannot be reached.", []string{"projection"}, nil)
)

// lagCollector measures how far views are behind the log, whenever it is asked.
type lagCollector struct{ set *Set }

func (c lagCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- lagPositions
	descs <- lagSeconds
}

func (c lagCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	all, err := c.set.Status(ctx)
	if err != nil {
		return
	}
	for _, status := range all {
		metrics <- prometheus.MustNewConstMetric(lagPositions, prometheus.GaugeValue, float64(status.Lag), status.Name)
		metrics <- prometheus.MustNewConstMetric(lagSeconds, prometheus.GaugeValue, status.LagSeconds, status.Name)
	}
}
