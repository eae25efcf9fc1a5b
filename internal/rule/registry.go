package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/btree"

	"bailey/internal/arn"
	"bailey/internal/metrics"
	"bailey/internal/request"
	"bailey/internal/schedule"
	"bailey/internal/store"
	"bailey/pattern"
)

// A Store keeps the configuration as documents.
type Store interface {
	// Apply writes the documents, all or none of them, so that they survive the
	// process and the machine once it returns nil.
	Apply(ctx context.Context, documents []store.Document) error
	// Documents calls each for every document there is, in any order.
	Documents(ctx context.Context, each func(store.Document) error) error
}

// The kinds of documents. A key is made of region, bus and rule as far as the
// kind has them; what a document is about is in its body.
const (
	kindOrigin  = "origin"
	kindBus     = "bus"
	kindRule    = "rule"
	kindAPI     = "api"
	kindArchive = "archive"
	kindReplay  = "replay"
	kindSource  = "source"
	kindRemoved = "removed" // targets
)

// Quotas bound what may be configured. A zero value is AWS's own quota.
type Quotas struct {
	BusesPerRegion int // 100, not counting default
	RulesPerBus    int // 300
	TargetsPerRule int // 5
	EventPattern   int // 2,048 characters of a rule's; the model takes no more than 4,096
}

func (q Quotas) orDefault() Quotas {
	q.BusesPerRegion = cmp.Or(q.BusesPerRegion, 100)
	q.RulesPerBus = cmp.Or(q.RulesPerBus, 300)
	q.TargetsPerRule = cmp.Or(q.TargetsPerRule, 5)
	q.EventPattern = cmp.Or(q.EventPattern, 2048)
	return q
}

// Config says where a [Registry] keeps its configuration and whose it is.
type Config struct {
	Store   Store            // required
	Account string           // "000000000000" if empty
	Quotas  Quotas           // AWS's if zero
	Now     func() time.Time // time.Now if nil
	Metrics *metrics.Metrics // counts what matches; one of its own if nil
	// Remember is how long the dead-letter queue of a target that was removed
	// is known; 15 days if zero.
	Remember time.Duration
}

// A Registry is the configuration in force. Its methods are safe for concurrent
// use. A change that the store did not take is not made; should the store have
// kept it all the same, making it again is harmless.
type Registry struct {
	store   Store
	account string
	quotas  Quotas
	now     func() time.Time
	keep    time.Duration // what is known of removed targets
	metrics *metrics.Metrics
	created time.Time // when the configuration began; the age of default buses
	faults  []Fault   // of what was read

	mu   sync.Mutex           // held through every change
	last *Route               // compiled last without parameters, see share
	tick *schedule.Expression // compiled last, see schedule

	set      func(Schedule)
	unset    func(Key)
	replay   func(*Replay)
	buses    atomic.Pointer[map[busKey]*bus]
	apis     atomic.Pointer[btree.BTreeG[apiItem]]
	archives *table[Archive]
	replays  *table[Replay]
	sources  *table[EventSource]
	removed  *table[removed]

	removedInOrder []*removed // the oldest first; see forgetting

	scratch sync.Pool // of *[]*entry
}

type busKey struct{ region, name string }

// A bus is a Bus with its rules. The three fields after metrics are replaced,
// never changed, each by whoever holds Registry.mu.
type bus struct {
	key      busKey
	metrics  *metrics.Bus // nil before the bus is published
	config   atomic.Pointer[Bus]
	rules    atomic.Pointer[btree.BTreeG[ruleItem]]
	byTarget atomic.Pointer[btree.BTreeG[targetItem]]
	patterns pattern.Set[*entry]
}

type ruleItem struct {
	name string
	*entry
}

// targetItem says that a rule has a target with this ARN.
type targetItem struct{ arn, rule string }

type apiItem struct {
	id  string
	api *request.API
}

// An entry is the place of one rule on its bus for as long as the rule exists.
type entry struct {
	compiled atomic.Pointer[compiled]
}

const degree = 32 // of the trees

func newBus(key busKey) *bus {
	b := &bus{key: key}
	b.config.Store(&Bus{Region: key.region, Name: key.name})
	b.rules.Store(btree.NewG(degree, func(x, y ruleItem) bool { return x.name < y.name }))
	b.byTarget.Store(btree.NewG(degree, func(x, y targetItem) bool {
		return cmp.Or(strings.Compare(x.arn, y.arn), strings.Compare(x.rule, y.rule)) < 0
	}))
	return b
}

// Open reads the configuration that the store has.
func Open(ctx context.Context, config Config) (*Registry, error) {
	r := &Registry{
		store:   config.Store,
		account: cmp.Or(config.Account, "000000000000"),
		quotas:  config.Quotas.orDefault(),
		now:     config.Now,
		keep:    cmp.Or(config.Remember, rememberRemoved),
		metrics: config.Metrics,
		scratch: sync.Pool{New: func() any { return new([]*entry) }},

		archives: newTable[Archive](),
		replays:  newTable[Replay](),
		sources:  newTable[EventSource](),
		removed:  newTable[removed](),
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.metrics == nil {
		r.metrics = metrics.New(metrics.Config{})
	}
	r.buses.Store(new(map[busKey]*bus))
	r.apis.Store(btree.NewG(degree, func(x, y apiItem) bool { return x.id < y.id }))
	if err := r.load(ctx); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if r.created.IsZero() {
		r.created = r.now().UTC()
		if err := r.apply(ctx, kindOrigin, "", r.created); err != nil {
			return nil, fmt.Errorf("beginning a configuration: %w", err)
		}
	}
	return r, nil
}

func (r *Registry) load(ctx context.Context) error {
	buses := make(map[busKey]*bus)
	configured := make(map[busKey]bool)
	at := func(key busKey) *bus {
		b := buses[key]
		if b == nil {
			b = newBus(key)
			b.metrics = r.metrics.Bus(key.region, key.name)
			buses[key] = b
		}
		return b
	}
	err := r.store.Documents(ctx, func(d store.Document) error {
		switch d.Kind {
		case kindOrigin:
			return json.Unmarshal(d.Body, &r.created)
		case kindBus:
			config := new(Bus)
			if err := json.Unmarshal(d.Body, config); err != nil {
				return fmt.Errorf("event bus %s: %w", d.Key, err)
			}
			if refused := checkDeadLetters(config.Region, config.DeadLetterConfig, Invalid); refused != nil {
				r.faults = append(r.faults, Fault{Key{config.Region, config.Name, ""}, "", refused})
			}
			key := busKey{config.Region, config.Name}
			at(key).config.Store(config)
			configured[key] = true
		case kindRule:
			rule := new(Rule)
			if err := json.Unmarshal(d.Body, rule); err != nil {
				return fmt.Errorf("rule %s: %w", d.Key, err)
			}
			b := at(busKey{rule.Region, rule.EventBusName})
			rule.Region, rule.EventBusName = b.key.region, b.key.name // one text for all of them
			sortTargets(rule.Targets)                                 // once they were kept as they were put
			c := r.compile(rule)
			r.faults = append(r.faults, c.faults...)
			if err := b.put(c, r.metrics); err != nil {
				return fmt.Errorf("rule %s: %w", d.Key, err)
			}
		case kindAPI:
			api := new(request.API)
			if err := json.Unmarshal(d.Body, api); err != nil {
				return fmt.Errorf("API %s: %w", d.Key, err)
			}
			r.apis.Load().ReplaceOrInsert(apiItem{api.ID, api})
		case kindArchive:
			a := new(Archive)
			if err := json.Unmarshal(d.Body, a); err != nil {
				return fmt.Errorf("archive %s: %w", d.Key, err)
			}
			r.archives.set(a.Region, a.Name, a)
		case kindReplay:
			p := new(Replay)
			if err := json.Unmarshal(d.Body, p); err != nil {
				return fmt.Errorf("replay %s: %w", d.Key, err)
			}
			r.replays.set(p.Region, p.Name, p)
		case kindSource:
			s := new(EventSource)
			if err := json.Unmarshal(d.Body, s); err != nil {
				return fmt.Errorf("event source %s: %w", d.Key, err)
			}
			r.sources.set(s.Region, s.document(), s)
		case kindRemoved:
			m := new(removed)
			if err := json.Unmarshal(d.Body, m); err != nil {
				return fmt.Errorf("removed target %s: %w", d.Key, err)
			}
			r.removed.set(m.Region, m.name(), m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.loadRemoved()
	for key := range buses {
		if !configured[key] && key.name != DefaultBus {
			return fmt.Errorf("event bus %s in %s has rules and is not there", key.name, key.region)
		}
	}
	r.buses.Store(&buses)
	return nil
}

// Account returns the account that everything belongs to.
func (r *Registry) Account() string { return r.account }

// A change is a document with value as JSON, or none any more if value is nil.
type change struct {
	kind, key string
	value     any
}

// apply makes one change durable.
func (r *Registry) apply(ctx context.Context, kind, key string, value any) error {
	return r.applyAll(ctx, change{kind, key, value})
}

// applyAll makes changes durable, all of them or none. It does not stop
// half-way when ctx ends.
func (r *Registry) applyAll(ctx context.Context, changes ...change) error {
	documents := make([]store.Document, len(changes))
	for i, c := range changes {
		documents[i] = store.Document{Kind: c.kind, Key: c.key}
		if c.value == nil {
			continue
		}
		body, err := marshal(c.value)
		if err != nil {
			return fmt.Errorf("encoding %s %s: %w", c.kind, c.key, err)
		}
		documents[i].Body = body
	}
	if err := r.store.Apply(context.WithoutCancel(ctx), documents); err != nil {
		return fmt.Errorf("keeping %s %s: %w", changes[0].kind, changes[0].key, err)
	}
	return nil
}

// bus returns a bus by its name or ARN; no name is the default bus. A default
// bus that nobody has configured is there all the same, empty.
func (r *Registry) bus(region, nameOrARN string) (*bus, *Error) {
	name := cmp.Or(nameOrARN, DefaultBus)
	if strings.HasPrefix(name, "arn:") {
		a, err := arn.Parse(name)
		rest, ok := strings.CutPrefix(a.Resource, "event-bus/")
		if err != nil || !ok {
			return nil, busNotFound(nameOrARN)
		}
		if a.Region != region {
			return nil, refuse(Invalid, "Cross-region api call is not allowed.")
		}
		if a.Account != r.account {
			return nil, busNotFound(rest)
		}
		name = rest
	}
	if b := (*r.buses.Load())[busKey{region, name}]; b != nil {
		return b, nil
	}
	if name != DefaultBus {
		return nil, busNotFound(name)
	}
	b := newBus(busKey{region, name})
	b.config.Store(&Bus{Region: region, Name: name, Created: r.created, Modified: r.created})
	return b, nil
}

// publish makes a bus seen, and its series. The caller holds mu.
func (r *Registry) publish(b *bus) {
	old := *r.buses.Load()
	if old[b.key] == b {
		return
	}
	buses := maps.Clone(old)
	if buses == nil {
		buses = make(map[busKey]*bus)
	}
	b.metrics = r.metrics.Bus(b.key.region, b.key.name)
	buses[b.key] = b
	r.buses.Store(&buses)
}

// BusName returns the name of the bus that a caller in region calls by its name
// or ARN; the default bus if it calls none. An ARN of another region or account
// stays an ARN, which is no bus's name here.
func (r *Registry) BusName(region, nameOrARN string) string {
	if !strings.HasPrefix(nameOrARN, "arn:") {
		return cmp.Or(nameOrARN, DefaultBus)
	}
	a, err := arn.Parse(nameOrARN)
	if err != nil || a.Region != region || a.Account != r.account {
		return nameOrARN
	}
	if name, ok := strings.CutPrefix(a.Resource, "event-bus/"); ok {
		return name
	}
	return nameOrARN
}

// BusARN returns the ARN of a bus.
func (r *Registry) BusARN(region, name string) string {
	return arn.EventBus(arn.Partition(region), region, r.account, name)
}

// RuleARN returns the ARN of a rule.
func (r *Registry) RuleARN(region, bus, name string) string {
	return arn.Rule(arn.Partition(region), region, r.account, bus, name)
}
