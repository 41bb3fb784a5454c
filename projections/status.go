package projections

import (
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
	// Building is set while another view is built, to take the place of this
	// one.
	Building *Building `json:"building"`
}

// Building is how far a view that is built is.
type Building struct {
	Version  int             `json:"version"`
	Position events.Position `json:"position"`
}

// Failure is the event that stopped a projection, and why.
type Failure struct {
	Stream   string          `json:"stream"`
	Revision uint64          `json:"revision"`
	Position events.Position `json:"position"`
	Cause    string          `json:"cause"`
}

func (f *Failure) Error() string {
	if f.Stream == "" {
		return fmt.Sprintf("stopped at position %d: %s", f.Position, f.Cause)
	}
	return fmt.Sprintf("stopped by event %d of %s at position %d: %s", f.Revision, f.Stream, f.Position, f.Cause)
}

func (m *model[T]) status(tip events.Position, now time.Time) Status {
	schema := m.projection.schema()
	m.mu.Lock()
	defer m.mu.Unlock()
	status := Status{
		Name:     schema.Name,
		Version:  schema.Version,
		State:    m.state,
		Position: m.passed(),
		Tip:      tip,
		Failure:  m.failure,
	}
	if tip > status.Position {
		status.Lag = uint64(tip - status.Position)
		if !m.created.IsZero() {
			status.LagSeconds = max(0, now.Sub(m.created).Seconds())
		}
	}
	if builder := m.builder.Load(); builder != nil {
		status.Building = &Building{Version: schema.Version, Position: builder.passed()}
	}
	return status
}

// meters are one projection's metrics.
type meters struct {
	applied  prometheus.Counter
	position prometheus.Gauge
	stopped  prometheus.Gauge
	building prometheus.Gauge
	commit   prometheus.Observer
}

// meterSet is the metrics of all projections, by name.
type meterSet struct {
	applied  *prometheus.CounterVec
	position *prometheus.GaugeVec
	stopped  *prometheus.GaugeVec
	building *prometheus.GaugeVec
	commit   *prometheus.HistogramVec
}

func newMeterSet() meterSet {
	label := []string{"projection"}
	return meterSet{
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
		building: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_projection_building",
			Help: "1 while another view is built, to take the place of the one that serves.",
		}, label),
		commit: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "parley_projection_commit_seconds",
			Help:    "Time to apply and store one batch of events.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, label),
	}
}

// register is for those that are to be seen.
func (m meterSet) register(registerer prometheus.Registerer) error {
	for _, collector := range []prometheus.Collector{m.applied, m.position, m.stopped, m.building, m.commit} {
		if err := registerer.Register(collector); err != nil {
			return fmt.Errorf("registering a projection's metric: %w", err)
		}
	}
	return nil
}

func (m meterSet) of(name string) meters {
	return meters{
		applied:  m.applied.WithLabelValues(name),
		position: m.position.WithLabelValues(name),
		stopped:  m.stopped.WithLabelValues(name),
		building: m.building.WithLabelValues(name),
		commit:   m.commit.WithLabelValues(name),
	}
}
