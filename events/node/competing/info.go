package competing

import (
	"context"
	"strings"
)

// Info is how a group stands.
type Info struct {
	Key
	Settings
	// Status is the protocol's set of words, such as "Live".
	Status string
	// StartFrom, LastCheckpointed and LastKnown are places in the protocol's
	// form; the latter two are empty if there is none.
	StartFrom, LastCheckpointed, LastKnown string
	Throughput
	// ReadBuffer and LiveBuffer wait to be given out for the first time,
	// RetryBuffer again. InFlight are with consumers.
	ReadBuffer, LiveBuffer, RetryBuffer, InFlight int
	Parked                                        int64
	Consumers                                     []ConsumerInfo
}

// ConsumerInfo is how a consumer stands.
type ConsumerInfo struct {
	Identity
	Throughput
	InFlight, Slots int
}

// Throughput counts events given out.
type Throughput struct {
	PerSecond int
	// Recent is since the last time anyone asked.
	Total, Recent int64
}

func (r *runner) info(ctx context.Context) (Info, error) {
	var info Info
	var failure error
	if err := r.ask(ctx, func(context.Context) { info, failure = r.describe() }); err != nil {
		return Info{}, err
	}
	return info, failure
}

func (r *runner) describe() (Info, error) {
	g := r.group
	info := Info{
		Key: r.key, Settings: g.settings, Status: r.status(),
		StartFrom:   r.key.startText(g.settings.Start),
		Throughput:  r.throughput(&g.rate),
		RetryBuffer: len(g.retry), InFlight: len(g.outstanding),
	}
	if g.caughtUp {
		info.LiveBuffer = len(g.fresh)
	} else {
		info.ReadBuffer = len(g.fresh)
	}
	if g.checkpoint.written {
		info.LastCheckpointed = r.key.text(g.checkpoint.at)
	}
	last, err := r.source.end()
	if err != nil {
		return Info{}, err
	}
	if last > r.key.origin() {
		info.LastKnown = r.key.text(last)
	}
	for _, c := range g.consumers {
		info.Consumers = append(info.Consumers, ConsumerInfo{
			Identity: c.Identity, Throughput: r.throughput(&c.rate), InFlight: c.inFlight, Slots: c.slots,
		})
	}
	info.Parked, err = parkedCount(r.node, r.key)
	return info, err
}

func (r *runner) throughput(rate *rate) Throughput {
	perSecond, recent := rate.measure(r.now())
	return Throughput{PerSecond: perSecond, Total: rate.total, Recent: recent}
}

func (r *runner) status() string {
	var words []string
	if !r.group.caughtUp {
		words = append(words, "Behind")
	}
	if r.replaying.active() {
		words = append(words, "ReplayingParkedMessages")
	}
	if r.group.caughtUp {
		words = append(words, "Live")
	}
	return strings.Join(words, ", ")
}

// startText is where a group was to begin, in the protocol's form.
func (k Key) startText(start Start) string { return k.text(cursor(start)) }
