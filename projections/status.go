package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/events"
)

// State is what a projection is doing.
type State string

const (
	// CatchingUp: it applies what was there when it started.
	CatchingUp State = "catching-up"
	// Running: it has caught up once and follows the log.
	Running State = "running"
	// Stopped: it met an event that it cannot apply.
	Stopped State = "stopped"
)

// Status is how a projection stands.
type Status struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	State    State           `json:"state"`
	Position events.Position `json:"position"`
	// Tip is the position of the log's last event.
	Tip events.Position `json:"tip"`
	// Lag is how many positions the projection is behind the tip; 0 means it
	// shows everything. With the embedded log a position is an event.
	Lag uint64 `json:"lag"`
	// LagSeconds is how long ago the log took the last event that was applied,
	// while there are others to apply.
	LagSeconds float64 `json:"lagSeconds"`
	// Failure is set when the projection is stopped.
	Failure *Failure `json:"failure"`
}

// Failure is the event that stopped a projection, and why.
type Failure struct {
	Stream   string          `json:"stream"`
	Revision uint64          `json:"revision"`
	Position events.Position `json:"position"`
	Cause    string          `json:"cause"`
}

func (r *runner[T]) name() string { return r.projection.schema().Name }

func (r *runner[T]) digest(ctx context.Context) (string, error) { return r.projection.digest(ctx) }

func (r *runner[T]) close() error { return r.store.Close() }

func (r *runner[T]) status(tip events.Position, now time.Time) Status {
	schema := r.projection.schema()
	r.mu.Lock()
	defer r.mu.Unlock()
	status := Status{
		Name:     schema.Name,
		Version:  schema.Version,
		State:    r.state,
		Position: r.passed(),
		Tip:      tip,
		Failure:  r.failure,
	}
	if tip > status.Position {
		status.Lag = uint64(tip - status.Position)
		if !r.created.IsZero() {
			status.LagSeconds = max(0, now.Sub(r.created).Seconds())
		}
	}
	return status
}

// meters are one projection's metrics.
type meters struct {
	applied  prometheus.Counter
	position prometheus.Gauge
	stopped  prometheus.Gauge
	commit   prometheus.Observer
}

// meterSet is the metrics of all projections, by name.
type meterSet struct {
	applied  *prometheus.CounterVec
	position *prometheus.GaugeVec
	stopped  *prometheus.GaugeVec
	commit   *prometheus.HistogramVec
}

// newMeterSet registers the metrics, unless registerer is nil.
func newMeterSet(registerer prometheus.Registerer) (meterSet, error) {
	label := []string{"projection"}
	m := meterSet{
		applied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_projection_events_total",
			Help: "Events applied to a view.",
		}, label),
		position: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_projection_position",
			Help: "Position of the log that a view has passed.",
		}, label),
		stopped: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_projection_stopped",
			Help: "1 if a projection met an event that it cannot apply.",
		}, label),
		commit: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "parley_projection_commit_seconds",
			Help:    "Time to apply and store one batch of events.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, label),
	}
	if registerer == nil {
		return m, nil
	}
	for _, collector := range []prometheus.Collector{m.applied, m.position, m.stopped, m.commit} {
		if err := registerer.Register(collector); err != nil {
			return m, fmt.Errorf("registering a projection's metric: %w", err)
		}
	}
	return m, nil
}

func (m meterSet) of(name string) meters {
	stopped := m.stopped.WithLabelValues(name)
	stopped.Set(0)
	return meters{
		applied:  m.applied.WithLabelValues(name),
		position: m.position.WithLabelValues(name),
		stopped:  stopped,
		commit:   m.commit.WithLabelValues(name),
	}
}
