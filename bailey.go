package bailey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bailey/internal/clock"
	"bailey/internal/deliver"
	"bailey/internal/egress"
	"bailey/internal/event"
	"bailey/internal/forward"
	"bailey/internal/history"
	"bailey/internal/metrics"
	"bailey/internal/redrive"
	"bailey/internal/replay"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/scheduler"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// Config says how a router works. Only Dir is required; the zero value of
// every other field is the default that its comment names.
type Config struct {
	// Dir is the data folder. It is made if it is not there. One process at a
	// time can have it open.
	Dir string
	// Account is the AWS account id that events and ARNs carry: 12 digits;
	// "" means 000000000000.
	Account string
	// Region is where calls without a region belong; "" means us-east-1.
	Region string
	// Quotas bound what may be configured.
	Quotas rule.Quotas

	// Forward sends messages for dead-letter queues to Amazon SQS instead of
	// keeping them here; nil keeps them.
	Forward *Forward

	// Retention is how long an event is kept once all its deliveries have
	// ended; 0 means 72 hours. Pending deliveries are kept until they end.
	Retention time.Duration
	// DeadRetention is how long a message in a dead-letter queue, and an event
	// with a dead delivery, is kept once that was given up; 0 means 14 days.
	DeadRetention time.Duration
	// MaxBytes is how large the store may grow before the oldest settled
	// events are forgotten early, and then the oldest with a dead delivery about
	// which no dead-letter queue has a message; 0 means 2 GiB. What waits for one
	// API, and what dead letters hold of it, may take as much as is still free: one
	// API alone has half. Beyond it PutEvents refuses events that go there. When
	// what must be kept is a quarter more than MaxBytes, PutEvents takes no events
	// until it is less. What archives hold must be kept.
	MaxBytes int64

	// Allow and Deny are CIDRs or addresses that may, and may not, be called.
	// Where Allow is not empty, nothing else may. Link-local addresses and
	// cloud metadata services are never called.
	Allow, Deny []string
	// Own are the addresses that this process itself serves. No target reaches
	// them: a rule could feed itself.
	Own []netip.AddrPort
	// PassThrough sends deliveries for APIs that are not registered to AWS's
	// real API Gateway, signed.
	PassThrough bool
	// Signer has the credentials for APIs that ask for AWS_IAM; nil has none.
	Signer *request.Signer

	// MaxQueued and MaxQueuedBytes bound what waits in memory: deliveries of
	// one endpoint (0 means 8,192), and bytes of events of all (0 means
	// 64 MiB). The rest waits in the store.
	MaxQueued      int
	MaxQueuedBytes int64
	// MaxInFlight bounds the requests under way to all endpoints together,
	// but for one of each; 0 means 4,096, or a quarter of the files that the
	// process may have open if that is less.
	MaxInFlight int
	// MaxRenderedBytes bounds the bodies that input templates make for the
	// requests under way, but for those of at most 4 KiB; 0 means 64 MiB.
	MaxRenderedBytes int64

	// Starting, when not nil, is called each second while Open waits for room on
	// the disk of Dir, with an error that says how much is needed.
	Starting func(error)

	// ReplayStart is how long a replay is STARTING before its first event, as in
	// AWS, by the machine's clock; 0 means a minute, and a negative time no time at
	// all. A virtual clock has no such time either.
	ReplayStart time.Duration

	// Clock is the engine's time; nil means the machine's clock. See
	// [NewVirtualClock].
	Clock clock.Clock
	// Log receives what happens; nil means slog.Default().
	Log *slog.Logger
	// Version is what the User-Agent of requests says; "" means "dev".
	Version string
}

// Entry is one event to be put.
type Entry = event.Entry

// Result is what became of an entry: an id, or an error in AWS's words.
type Result = event.Result

// ID identifies an event: a UUID of version 7.
type ID = event.ID

// Router takes events and delivers them. All its methods may be called
// concurrently.
type Router struct {
	cfg        Config
	log        *slog.Logger
	clock      clock.Clock
	virtual    *clock.Virtual // the clock, if it is one
	store      *sqlite.Store
	rules      *rule.Registry
	metrics    *metrics.Metrics
	history    *history.Recorder
	dispatcher *deliver.Dispatcher
	scheduler  *scheduler.Scheduler
	swallowed  swallowed
	player     *replay.Player
	redriver   *redrive.Redriver
	forwarder  *forward.Forwarder // nil where dead letters are kept here
	arrivals   arrivals
	ids        event.IDs
	size       atomic.Pointer[sqlite.Size] // of the store, as last measured
	full       atomic.Bool                 // the store holds more than it may, and nothing that can be forgotten

	putting atomic.Int64                  // calls that put events, on a virtual clock
	gate    atomic.Pointer[chan struct{}] // see yield
	rested  chan struct{}                 // one token: something has come to rest
	// swept is when Advance swept last; whoever moves the clock owns it.
	swept time.Time

	waiting atomic.Int32 // callers of Wait, so that nobody locks for none
	mu      sync.Mutex
	waiters map[int64][]chan struct{}

	pausing  sync.Mutex // pauses and resumes are the same on disk and in memory
	closed   sync.Once
	closeErr error
	stop     chan struct{}
	sweeping sync.WaitGroup
}

// Open opens the router whose data is in cfg.Dir, and goes on with the
// deliveries that an earlier process left there.
func Open(ctx context.Context, cfg Config) (*Router, error) {
	cfg.Account = cmp.Or(cfg.Account, "000000000000")
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	cfg.Retention = cmp.Or(cfg.Retention, 72*time.Hour)
	cfg.DeadRetention = cmp.Or(cfg.DeadRetention, 14*24*time.Hour)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, 2<<30)
	cfg.Version = cmp.Or(cfg.Version, "dev")
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	policy, err := egress.New(cfg.Allow, cfg.Deny)
	if err != nil {
		return nil, fmt.Errorf("reading which addresses may be called: %w", err)
	}
	policy = policy.Refuse(cfg.Own...)
	r := &Router{
		cfg:     cfg,
		log:     cfg.Log,
		clock:   cfg.Clock,
		metrics: metrics.New(metrics.Config{Version: cfg.Version, Region: cfg.Region}),
		waiters: map[int64][]chan struct{}{},
		stop:    make(chan struct{}),
		rested:  make(chan struct{}, 1),
	}
	storeConfig := sqlite.Config{Dir: cfg.Dir, MaxBytes: cfg.MaxBytes, Log: cfg.Log}
	if r.virtual, _ = cfg.Clock.(*clock.Virtual); r.virtual != nil {
		storeConfig.Clock, storeConfig.Rested = r.clock.Now, r.rest
		// Whoever moves the clock waits for each outcome: none waits for
		// company.
		storeConfig.SettleDelay = -1
	}
	storeConfig.Patient = func(why error) bool { return r.awaitDisk(ctx, why) }
	if r.store, err = openPatiently(storeConfig); err != nil {
		return nil, err
	}
	r.ids.StartAfter(r.store.NewestKey())
	if err := r.start(ctx, policy); err != nil {
		r.stopHistory()
		return nil, errors.Join(err, r.store.Close())
	}
	r.store.Started()
	return r, nil
}

// openPatiently opens the store as soon as the disk has room for that.
func openPatiently(cfg sqlite.Config) (*sqlite.Store, error) {
	for {
		s, err := sqlite.Open(cfg)
		if _, full := errors.AsType[*store.FullError](err); !full || !cfg.Patient(err) {
			return s, err
		}
	}
}

// diskEvery is how often a start that waits for room on the disk tries again.
const diskEvery = time.Second

// awaitDisk waits a while for room on the disk, and says why. It reports whether
// to try again.
func (r *Router) awaitDisk(ctx context.Context, why error) bool {
	if r.cfg.Starting != nil {
		r.cfg.Starting(why)
	}
	timer := time.NewTimer(diskEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// check refuses bounds that bound nothing.
func (c *Config) check() error {
	for name, n := range map[string]int64{
		"Retention": int64(c.Retention), "DeadRetention": int64(c.DeadRetention), "MaxBytes": c.MaxBytes,
		"MaxQueued": int64(c.MaxQueued), "MaxQueuedBytes": c.MaxQueuedBytes, "MaxInFlight": int64(c.MaxInFlight),
	} {
		if n < 0 {
			return fmt.Errorf("%s is %d: it cannot be negative", name, n)
		}
	}
	return nil
}

func (r *Router) start(ctx context.Context, policy *egress.Policy) (err error) {
	if err := r.startClock(ctx); err != nil {
		return err
	}
	r.rules, err = rule.Open(ctx, rule.Config{
		Store:   r.store,
		Account: r.cfg.Account,
		Quotas:  r.cfg.Quotas,
		Now:     r.clock.Now,
		Metrics: r.metrics,
		// A delivery waits for a day at most, and is then a dead letter.
		Remember: 24*time.Hour + r.cfg.DeadRetention,
	})
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	for _, f := range r.rules.Faults() {
		r.log.Warn("a rule that an earlier version stored has a part that is refused now, and does without it; put it again",
			"rule", f.Rule.Rule, "event_bus", f.Rule.Bus, "region", f.Rule.Region, "target", f.Target, "error", f.Err)
	}
	if err := r.startHistory(ctx); err != nil {
		return err
	}
	r.dispatcher = deliver.New(deliver.Config{
		Store:            r.store,
		Rules:            r.rules,
		Metrics:          r.metrics,
		Clock:            r.clock,
		Egress:           policy,
		Signer:           r.cfg.Signer,
		PassThrough:      r.cfg.PassThrough,
		UserAgent:        "Bailey/" + r.cfg.Version,
		Account:          r.cfg.Account,
		MaxQueued:        r.cfg.MaxQueued,
		MaxQueuedBytes:   r.cfg.MaxQueuedBytes,
		MaxInFlight:      r.cfg.MaxInFlight,
		MaxRenderedBytes: r.cfg.MaxRenderedBytes,
		Forwarding:       r.cfg.Forward != nil,
		DeadLettered:     r.deadLettered,
		Settled:          r.settled,
		Rested:           r.rest,
		Log:              r.log,
	})
	if err := r.newDeadLetters(); err != nil {
		return err
	}
	r.metrics.Gauge("bailey_queued_deliveries", "Deliveries that wait in memory.", func() float64 { return float64(r.dispatcher.Queued()) })
	r.metrics.Gauge("bailey_requests_in_flight", "Requests to targets under way.", func() float64 { return float64(r.dispatcher.InFlight()) })
	r.metrics.Counter("bailey_store_commits_total", "Transactions committed to the store.", func() float64 { return float64(r.store.Commits()) })
	r.showEndpoints()
	r.showRoom()
	if err := r.dispatcher.Start(ctx); err != nil {
		return err
	}
	r.scheduler = scheduler.New(scheduler.Config{Rules: r.rules, Clock: r.clock, Put: r.putTicks, Store: r.store, Rested: r.rest, Log: r.log})
	if err := r.scheduler.Start(ctx); err != nil {
		r.dispatcher.Stop(ctx)
		return err
	}
	if err := r.startDeadLetters(ctx); err != nil {
		r.scheduler.Stop()
		r.dispatcher.Stop(ctx)
		return err
	}
	r.player = r.newPlayer()
	r.player.Start()
	if r.virtual == nil {
		r.sweeping.Go(r.sweepAtTimes) // else Advance sweeps
	}
	r.sweeping.Go(r.keepRoom)
	return nil
}

// Close stops taking events, lets requests under way finish for up to ten
// seconds, and closes the store. What was not delivered is delivered after
// the next Open. It may be called more than once.
func (r *Router) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return r.Shutdown(ctx)
}

// Shutdown is Close with a grace time of the caller's: when ctx is done,
// requests under way are cut off, to be made again after the next Open.
func (r *Router) Shutdown(ctx context.Context) error {
	r.closed.Do(func() {
		close(r.stop)
		r.sweeping.Wait()
		r.scheduler.Stop()
		r.player.Stop()
		r.redriver.Stop()
		r.dispatcher.Stop(ctx)
		r.stopForwarding(ctx)
		r.stopHistory()
		r.closeErr = r.store.Close()
	})
	return r.closeErr
}

// Rules is the configuration: event buses, rules, targets and REST APIs.
func (r *Router) Rules() *rule.Registry { return r.rules }

// Metrics counts what the router does.
func (r *Router) Metrics() *metrics.Metrics { return r.metrics }

// PutEvents takes events into a region ("" means the configured one). When it
// returns without an error, every event whose result has an ID is on disk with
// all its deliveries, synced: it is delivered whatever becomes of the process.
//
// An entry that cannot be taken has its reason in its result, and the others
// go through. One that goes to an API which holds its share of the store has a
// ThrottlingException: see docs/decisions/0009-shares-of-the-store.md. An error means that none was taken: [store.ErrBusy] and
// [store.FullError] for the time being.
func (r *Router) PutEvents(ctx context.Context, region string, entries []Entry) ([]Result, error) {
	if r.full.Load() {
		return nil, &store.FullError{Limit: limitName, Cause: errTooLarge}
	}
	region = cmp.Or(region, r.cfg.Region)
	if r.virtual != nil {
		defer r.yield()()
	}
	results := make([]Result, len(entries))
	b := batch{records: make([]*store.Record, 0, len(entries)), admissions: make([]*deliver.Admission, 0, len(entries))}
	var routes []*rule.Route
	for i := range entries {
		entry := &entries[i]
		if code, message := entry.Check(); code != "" {
			results[i] = Result{ErrorCode: code, ErrorMessage: message}
			continue
		}
		now := r.clock.Now()
		bus := cmp.Or(entry.Bus, rule.DefaultBus)
		e := event.New(r.ids.New(now), entry, r.cfg.Account, region, now)
		routes = r.rules.AppendRoutes(routes[:0], region, bus, e.JSON)
		in := arrival{event: e, region: region, bus: bus, time: entry.Time, size: archivedSize(entry)}
		if in.time.IsZero() {
			in.time = now
		}
		records, archived := len(b.records), len(b.archived)
		r.admit(&b, in, routes)
		if err := r.store.Reserve(b.records[records:]); err != nil {
			r.withdraw(&b, records, archived)
			results[i] = Result{ErrorCode: "ThrottlingException", ErrorMessage: "Rate exceeded: " + err.Error() + "."}
			continue
		}
		results[i].ID = e.ID
	}
	if err := r.commit(ctx, &b); err != nil {
		return nil, err
	}
	return results, nil
}

// settled wakes those who wait for the event with the key.
func (r *Router) settled(key int64) {
	if r.waiting.Load() == 0 {
		return
	}
	r.mu.Lock()
	for _, c := range r.waiters[key] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	r.mu.Unlock()
}

// Wait returns the deliveries of an event once all of them have ended. When
// ctx is done first, it returns them as they are, and ctx's error.
func (r *Router) Wait(ctx context.Context, id ID) ([]store.Delivery, error) {
	woken := make(chan struct{}, 1)
	r.waiting.Add(1)
	defer r.waiting.Add(-1)
	defer r.await(woken, id)()
	known := map[event.ID]bool{id: true}
	for {
		deliveries, err := r.Event(context.WithoutCancel(ctx), id)
		if err != nil {
			return nil, err
		}
		if settledAll(deliveries.Deliveries) {
			return deliveries.Deliveries, nil
		}
		// Those of copies and replays settle by their own ids.
		more := false
		for i := range deliveries.Deliveries {
			if other := deliveries.Deliveries[i].Event; !known[other] {
				known[other], more = true, true
				defer r.await(woken, other)()
			}
		}
		if more {
			continue // they may have settled before they were waited for
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return deliveries.Deliveries, ctx.Err()
		}
	}
}

// await has c told when a delivery of the event settles, until what it returns
// is called.
func (r *Router) await(c chan struct{}, id ID) (stop func()) {
	key := id.Key()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiters[key] = append(r.waiters[key], c)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		rest := slices.DeleteFunc(r.waiters[key], func(other chan struct{}) bool { return other == c })
		if r.waiters[key] = rest; len(rest) == 0 {
			delete(r.waiters, key)
		}
	}
}

func settledAll(deliveries []store.Delivery) bool {
	for _, d := range deliveries {
		if d.Status == store.Pending {
			return false
		}
	}
	return true
}
