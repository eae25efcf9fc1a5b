// Package deliver sends due deliveries, each endpoint apart from the others.
//
// A delivery is one event on its way to one target. It waits in the queue of
// its endpoint (a REST API and stage), is made into an HTTP request, sent, and
// decided upon: done, again at a later time, or dead. Every outcome goes to
// the store; nothing is forgotten here that is not remembered there.
//
// An endpoint holds a bounded number of deliveries in memory. What does not
// fit is parked in the store, by due time, and so is every retry: the loader
// reads it back when it is due and there is room. Fresh deliveries are never
// read from the store.
package deliver

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"bailey/internal/clock"
	"bailey/internal/egress"
	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// Config puts a [Dispatcher] together. Store, Rules and Metrics are required.
type Config struct {
	Store   *sqlite.Store
	Rules   *rule.Registry
	Metrics *metrics.Metrics
	// Clock tells when deliveries are due; nil means the machine's clock.
	Clock clock.Clock
	// Egress says which addresses may be called; nil means its zero value,
	// which refuses only what is always refused.
	Egress *egress.Policy
	// Signer signs requests to APIs that ask for AWS_IAM; nil has no
	// credentials.
	Signer *request.Signer
	// PassThrough sends what names an API that is not registered to the real
	// one at AWS, signed.
	PassThrough bool
	// UserAgent of the requests.
	UserAgent string
	// Account of X-Amz-Source-Account.
	Account string
	// MaxQueued bounds the fresh deliveries that wait in memory for one
	// endpoint; 0 means 8,192. The rest is parked in the store.
	MaxQueued int
	// MaxQueuedBytes bounds the events that wait in memory, of all endpoints
	// together; 0 means 64 MiB.
	MaxQueuedBytes int64
	// MaxInFlight bounds the requests under way to all endpoints together, but
	// for one of each; 0 means 4,096, or a quarter of the files that the process
	// may have open if that is less.
	MaxInFlight int
	// MaxRenderedBytes bounds the bodies that templates make for the requests
	// under way, but for those of at most 4 KiB; 0 means 64 MiB.
	MaxRenderedBytes int64
	// Forwarding says that messages for dead-letter queues are only kept until
	// they are taken elsewhere: whoever forwards them counts them.
	Forwarding bool
	// DeadLettered, when not nil, is called with the ARN of a dead-letter
	// queue when a message for it is durable. It must not block.
	DeadLettered func(queue string)
	// Rested, when not nil, is called when a worker is done with a delivery and
	// when nothing that waits in the store is due. It must not block.
	Rested func()
	// Settled, when not nil, is called with the key of an event each time
	// that one of its deliveries has ended and this is durable; for a copy, also
	// with that of the original. It must not block.
	Settled func(key int64)
	// Log receives what happens to deliveries; nil means slog.Default().
	Log *slog.Logger
}

// Dispatcher delivers. Its methods may be called concurrently.
type Dispatcher struct {
	cfg       Config
	log       *slog.Logger
	clock     clock.Clock
	transport *transport
	loader    loader
	bodies    bodies

	mu        sync.RWMutex
	endpoints map[store.Endpoint]*endpoint // by API and stage
	routes    map[store.Endpoint]*apiRoute

	queuedBytes atomic.Int64
	queued      atomic.Int64
	roomWanted  atomic.Int64 // callers of AwaitRoom
	roomMu      sync.Mutex
	room        sync.Cond // told when queued has become less
	inFlight    atomic.Int64
	employed    atomic.Int64 // workers of all endpoints
	active      atomic.Int64 // deliveries that a worker has taken
	begun       atomic.Int64 // grows with each of them

	stopping atomic.Bool
	ctx      context.Context // cancelled when requests under way are to be cut off
	cancel   context.CancelFunc
	running  sync.WaitGroup // the loader and the tender
	workers  sync.WaitGroup
}

// New returns a dispatcher that does nothing until Start.
func New(cfg Config) *Dispatcher {
	cfg.MaxQueued = cmp.Or(cfg.MaxQueued, 8192)
	cfg.MaxQueuedBytes = cmp.Or(cfg.MaxQueuedBytes, 64<<20)
	cfg.MaxInFlight = cmp.Or(cfg.MaxInFlight, min(4096, openFiles()/4))
	cfg.MaxRenderedBytes = cmp.Or(cfg.MaxRenderedBytes, 64<<20)
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Egress == nil {
		cfg.Egress = new(egress.Policy)
	}
	if cfg.Rested == nil {
		cfg.Rested = func() {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	d := &Dispatcher{
		cfg:       cfg,
		log:       cfg.Log,
		clock:     cfg.Clock,
		transport: newTransport(newDialer(cfg.Egress).DialContext),
		endpoints: map[store.Endpoint]*endpoint{},
		routes:    map[store.Endpoint]*apiRoute{},
		bodies:    bodies{size: cfg.MaxRenderedBytes},
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.room.L = &d.roomMu
	d.loader.init(d)
	return d
}

// Start recovers what an earlier process left in the store and begins to
// deliver. It is called once.
func (d *Dispatcher) Start(ctx context.Context) error {
	backlog, err := d.recoverUnfinished(ctx)
	if err != nil {
		return err
	}
	var waiting int64
	for _, b := range backlog {
		waiting += b.Count
	}
	d.Due(backlog)
	if err := d.loadPaused(ctx); err != nil {
		return err
	}
	if waiting > 0 {
		d.log.Info("deliveries are waiting from before", "deliveries", waiting)
	}
	d.running.Go(d.loader.run)
	d.running.Go(d.tend)
	return nil
}

// recoverUnfinished gives the deliveries that an earlier process left
// unfinished their rows. With a disk that is full it waits until there is room.
func (d *Dispatcher) recoverUnfinished(ctx context.Context) ([]store.Backlog, error) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		backlog, err := d.cfg.Store.Recover(ctx, d.EndpointOf)
		if _, full := errors.AsType[*store.FullError](err); !full {
			return backlog, err
		}
		again.Reset(readAgain)
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// Stop ends delivering. Requests under way may finish until ctx is done and
// are then cut off; those, and what waits in memory, are found in the store
// at the next start. The store must stay open until Stop returns.
func (d *Dispatcher) Stop(ctx context.Context) {
	d.stopping.Store(true)
	d.mu.RLock()
	for _, e := range d.endpoints {
		// Whoever is employing a worker has done so, and nobody will again.
		e.mu.Lock()
		e.mu.Unlock() //nolint:staticcheck // taken for its order, not for what it guards
	}
	d.mu.RUnlock()
	d.loader.stop()
	done := make(chan struct{})
	go func() {
		d.running.Wait()
		d.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		d.log.Warn("cutting off requests under way; they will be made again at the next start", "requests", d.inFlight.Load())
		d.cancel()
		d.transport.cutOff()
		d.cfg.Store.Hurry() // a worker may be waiting for a disk that is full
		<-done
	}
	d.cancel()
	d.transport.cutOff()
}

// Queued and InFlight count the deliveries that wait in memory and the
// requests under way.
func (d *Dispatcher) Queued() int64 { return d.queued.Load() }

// InFlight counts the requests under way.
func (d *Dispatcher) InFlight() int64 { return d.inFlight.Load() }

// Idle reports whether nothing is due and nothing is under way: what there is
// waits for a later moment, in the store or because of a rate limit.
func (d *Dispatcher) Idle() bool {
	if d.active.Load() > 0 || !d.loader.idle() {
		return false
	}
	now := d.clock.Now()
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, e := range d.endpoints {
		if !e.idle(now) {
			return false
		}
	}
	return d.active.Load() == 0
}

// Begun counts the deliveries that were looked at; it only grows.
func (d *Dispatcher) Begun() int64 { return d.begun.Load() }

// delivery is one event on its way to one target, in memory.
type delivery struct {
	event    *event.Event
	n        int
	route    store.Route
	end      *apiRoute
	path     uint64        // of the route's, see paths; 0 where it has but one
	ticket   *store.Ticket // of the commit that brought it; nil once it has a row
	attempts int           // made before now, since it was last redriven
	last     lastFailure   // of those
	since    time.Time     // when it was last redriven, or zero
	earlier  int           // attempts made before that
	queued   time.Time     // on the machine's clock
	// unreadable, when not nil, says why the event cannot be read, and so not sent.
	unreadable error
	// throttled says that the rate limit held it back.
	throttled bool
	// later, when not zero, is until when it waits in the store for its path.
	later time.Time

	// Of the attempt under way: when it began, on the machine's clock, and
	// whether it is the probe of its route's circuit, and of its host's.
	began            time.Time
	probe, hostProbe bool
}

func (x *delivery) ref() store.Ref { return store.Ref{Event: x.event.ID.Key(), N: x.n} }

// born is what the delivery's age counts from: the event's ingestion (X4), or
// the moment at which the delivery was redriven. One that an operator sends
// again has its policy's whole time, however old its event is.
func (x *delivery) born() time.Time {
	if x.since.IsZero() {
		return x.event.Ingested
	}
	return x.since
}

// EndpointOf says where deliveries of this event queue as their target is now:
// the zero Endpoint if they lead nowhere.
func (d *Dispatcher) EndpointOf(r store.Route, event []byte) store.Endpoint {
	rt, ok := d.cfg.Rules.Route(rule.RouteKey(r))
	if !ok {
		return store.Endpoint{}
	}
	return d.endpointOf(rt, event)
}

// Due says that deliveries have become pending in the store, or that those
// which waited there need not wait longer: each has a row that is due.
func (d *Dispatcher) Due(backlog []store.Backlog) {
	for _, b := range backlog {
		d.waits(b.Endpoint, b.Route, b.NextDue)
	}
}

// endpointOf says where a route's deliveries of this event queue: the zero
// Endpoint if they lead nowhere.
func (d *Dispatcher) endpointOf(rt *rule.Route, event []byte) store.Endpoint {
	if rt.Request == nil {
		return store.Endpoint{}
	}
	api, ok := d.api(rt)
	if !ok {
		return store.Endpoint{}
	}
	stage, failure := rt.Request.Endpoint(api, event)
	if failure != nil {
		return store.Endpoint{}
	}
	return store.Endpoint{API: api.ID, Stage: stage, Route: rt.Request.Route()}
}

// park gives a delivery a row that is due at the moment, and lets go of it.
func (d *Dispatcher) park(x *delivery, to store.Endpoint, due time.Time) {
	d.cfg.Store.Settle(store.Outcome{
		Event: x.event.ID.Key(), N: x.n, Route: x.route, Endpoint: to, Ticket: x.ticket,
		From: x.end.key.API, Bytes: len(x.event.JSON),
		Status: store.Pending, Due: due, Attempts: x.attempts, Earlier: x.earlier, At: d.clock.Now(),
		StatusCode: x.last.statusCode, ErrorCode: x.last.code, Error: x.last.message,
		Durable: x.durable,
	})
}

// durable is called by the store's writer once an outcome is committed.
func (x *delivery) durable(o *store.Outcome) {
	d := x.end.end.d
	if x.ticket == nil {
		x.end.end.mu.Lock()
		x.end.forget(x.ref())
		x.end.end.mu.Unlock()
	}
	if o.Status == store.Pending {
		d.waits(o.Endpoint, o.Route, o.Due)
		return
	}
	if o.DeadLetter != nil {
		if !d.cfg.Forwarding {
			d.cfg.Metrics.Find(x.route.Region, x.route.Bus, x.route.Rule).DeadLettered()
		}
		if d.cfg.DeadLettered != nil {
			d.cfg.DeadLettered(o.DeadLetter.Queue)
		}
	}
	if d.cfg.Settled == nil {
		return
	}
	d.cfg.Settled(o.Event)
	if id, err := event.IDOf(x.event.JSON); err == nil && id != x.event.ID {
		d.cfg.Settled(id.Key())
	}
}

// random is the jitter of the backoff.
func random() float64 { return rand.Float64() }
