// Package metrics counts what the router does, under the names that AWS publishes in namespace AWS/Events.
//
// Who counts holds a handle, resolved once: a [Rule] for what becomes of its deliveries, a [Bus] for events that match.
// Only a [Source] is looked up for each event, without a lock, because events name it. A handle's methods say what happened, and the handle knows which of the metrics that moves;
// they are atomic additions, without allocation, and safe for concurrent use.
//
// Nothing here reads a clock: latencies come from the times that the caller passes, so that a server on a virtual clock
// has virtual latencies. Nothing that is counted is ever reset either: [Metrics.Take] takes differences, for whoever keeps
// periods.
//
// [Metrics.Handler] shows it all to Prometheus. The names there are AWS's in snake case with the prefix bailey_ and
// Prometheus's suffixes; docs/metrics.md has the list.
package metrics

import (
	"cmp"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Other is the name that stands for every rule, event bus or region beyond [Config.MaxSeries], and for a rule that is no
// longer there. It can be the name of none of them: AWS's names have no parentheses.
const Other = "(other)"

// Series that are told apart by default; see [Config].
const (
	defaultMaxSeries  = 2000
	defaultMaxRegions = 100
	defaultMaxSources = 500
)

// Config says how a [Metrics] is made. The zero value is ready for use.
type Config struct {
	// MaxSeries is how many rules, and how many event buses, are told apart. What comes after them is counted together
	// under [Other], so that no caller can grow the memory or the scrape without end. Default 2,000.
	MaxSeries int
	// MaxRegions bounds regions likewise. Default 100.
	MaxRegions int
	// MaxSources bounds sources of events likewise, those of all regions together. Default 500.
	MaxSources int

	// Region is the server's own: its series are there from the start. Default "us-east-1".
	Region string

	// Version is shown in bailey_build_info. Default "unknown".
	Version string
}

// Metrics counts what one router does. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	limit    int // of rules, and of event buses
	regional int // of regions

	mu      sync.Mutex
	rules   map[ruleKey]*Rule     // mu
	buses   map[busKey]*Bus       // mu
	calls   map[string]*PutEvents // mu
	regions map[string]*region    // mu
	gone    []goneRule            // mu: forgotten since the last Take

	sources sources

	taking sync.Mutex // one Take at a time; guards what handles have taken
}

type busKey struct{ region, bus string }

type ruleKey struct{ region, bus, rule string }

var (
	otherBus  = busKey{Other, Other}
	otherRule = ruleKey{Other, Other, Other}
)

// New returns a Metrics in which nothing has been counted. Each has a Prometheus registry of its own, so that a process
// can hold several routers.
func New(config Config) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		limit:    cmp.Or(config.MaxSeries, defaultMaxSeries),
		regional: cmp.Or(config.MaxRegions, defaultMaxRegions),
		rules:    make(map[ruleKey]*Rule),
		buses:    make(map[busKey]*Bus),
		calls:    make(map[string]*PutEvents),
		regions:  make(map[string]*region),
	}
	m.sources.limit = cmp.Or(config.MaxSources, defaultMaxSources)
	m.sources.other.region, m.sources.other.name = Other, Other
	m.calls[cmp.Or(config.Region, "us-east-1")] = new(PutEvents)
	m.register(cmp.Or(config.Version, "unknown"))
	return m
}

// Rule returns the handle of a rule, the same one for the same names until it is forgotten. It is called when a rule is
// put or loaded, not for each event, and not before it is certain that the rule will be there: it makes the rule's series.
func (m *Metrics) Rule(region, bus, rule string) *Rule {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rule(ruleKey{region, bus, rule})
}

// rule returns a rule's handle, made if need be; the caller holds mu.
func (m *Metrics) rule(key ruleKey) *Rule {
	r := handle(m.rules, key, otherRule, m.limit)
	if r.region == nil {
		name := key.region
		if m.rules[key] != r {
			name = Other
		}
		r.region = handle(m.regions, name, Other, m.regional)
	}
	return r
}

// Find returns the handle of a rule that [Metrics.Rule] has made and nobody has forgotten. For any other it returns the
// handle of [Other]: a delivery can outlive its rule, and its end is still counted.
func (m *Metrics) Find(region, bus, rule string) *Rule {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.rules[ruleKey{region, bus, rule}]; ok {
		return r
	}
	return m.rule(otherRule)
}

// Forget removes a deleted rule's series. A handle that is still held may be used; what it counts is seen by nobody. A
// rule put again under the name begins at zero.
func (m *Metrics) Forget(region, bus, rule string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(ruleKey{region, bus, rule})
}

// Bus returns the handle of an event bus, the same one for the same names until it is forgotten.
func (m *Metrics) Bus(region, bus string) *Bus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return handle(m.buses, busKey{region, bus}, otherBus, m.limit)
}

// ForgetBus removes a deleted event bus's series, and those of the rules that it still has.
func (m *Metrics) ForgetBus(region, bus string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.buses, busKey{region, bus})
	for key := range m.rules {
		if key.region == region && key.bus == bus {
			m.forget(key)
		}
	}
}

// forget removes a rule's handle and keeps it for the next Take. Where nobody takes, the first of them are kept, and few.
func (m *Metrics) forget(key ruleKey) {
	r, ok := m.rules[key]
	if !ok {
		return
	}
	if len(m.gone) < m.limit {
		m.gone = append(m.gone, goneRule{key, r})
	}
	r.region.retire(r)
	delete(m.rules, key)
}

// Called counts a call of PutEvents that has ended. One that was refused makes no series: in a region from which no call has
// been taken yet, and which is not the server's own, it is counted under [Other].
func (m *Metrics) Called(region string, c Call) {
	m.mu.Lock()
	p, ok := m.calls[region]
	if !ok {
		if c.Refused {
			region = Other
		}
		p = handle(m.calls, region, Other, m.regional)
	}
	m.mu.Unlock()
	p.called(c)
}

// handle returns the value under key, a new one where there is none; with limit values there already, that under other.
func handle[K comparable, V any](values map[K]*V, key, other K, limit int) *V {
	if v, ok := values[key]; ok {
		return v
	}
	if len(values) >= limit && key != other {
		return handle(values, other, other, limit)
	}
	v := new(V)
	values[key] = v
	return v
}

// Gauge shows Prometheus a value that can go up and down and that somebody else keeps: it is read at each scrape, from any
// goroutine. The name begins with bailey_. It panics where the name is not valid or is taken, a mistake of the program's.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter is [Metrics.Gauge] for a value that only goes up; its name ends in _total.
func (m *Metrics) Counter(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

// Gauges is [Metrics.Gauge] for one value of each of several things that labels tell apart. At each scrape, each calls show
// for as many of them as there are; those beyond [Config.MaxSeries] are not shown, so what matters comes first.
func (m *Metrics) Gauges(name, help string, labels []string, each func(show func(value float64, labels ...string))) {
	m.registry.MustRegister(&gauges{prometheus.NewDesc(name, help, labels, nil), m.limit, each})
}
