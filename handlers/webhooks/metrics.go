package webhooks

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are the engine's metrics.
type meters struct {
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
	leading  prometheus.Gauge
}

func newMeters() meters {
	return meters{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_webhook_attempts_total", Help: "Deliveries to apps' webhooks that were tried, by what was answered: the status' class, or none.",
		}, []string{"answer"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "parley_webhook_seconds", Help: "How long receivers took to answer a delivery.",
			Buckets: []float64{.005, .02, .1, .5, 1, 2, 5, 10, 20},
		}),
		leading: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_webhooks_leading", Help: "1 if this server is the one that makes the deliveries.",
		}),
	}
}

func (m meters) register(registry prometheus.Registerer) error {
	return errors.Join(registry.Register(m.attempts), registry.Register(m.seconds), registry.Register(m.leading))
}

var answerClasses = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (m meters) attempted(o outcome) {
	class := "other"
	if o.status/100 < len(answerClasses) {
		class = answerClasses[o.status/100]
	}
	m.attempts.WithLabelValues(class).Inc()
	m.seconds.Observe(float64(o.took) / 1000)
}
