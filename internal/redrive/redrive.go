// Package redrive sends again what was given up: it makes dead deliveries
// pending, at the rate that was asked for, and from there on they go the way
// of every delivery.
//
// A redrive is kept in the store, which also knows how far it has come. So one
// of many thousand deliveries costs no memory, survives a restart, and makes no
// delivery pending twice. What an endpoint can take is not looked at here:
// package deliver lets in no more than that, whatever is pending.
package redrive

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"bailey/internal/clock"
	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

const (
	// chunk is how many deliveries one transaction makes pending at most: few,
	// so that nobody waits long for it.
	chunk = 500
	// stride is how much of a second's deliveries are made pending at once, so
	// that a high rate does not cost as many commits.
	stride = 100 * time.Millisecond
	// tryAgain is how long to wait after the store failed.
	tryAgain = time.Second
	// MaxRate bounds the rate of a redrive, in deliveries a second.
	MaxRate = 1e6
	// minRate is one delivery a day.
	minRate = 1.0 / (24 * 60 * 60)
)

// Config puts a [Redriver] together. All but Log are required.
type Config struct {
	Store *sqlite.Store
	Clock clock.Clock
	// Endpoint says where a delivery queues as its target is now.
	Endpoint func(store.Route, []byte) store.Endpoint
	// Due is told of deliveries that have become pending in the store.
	Due func([]store.Backlog)
	// Log receives what redrives do; nil means slog.Default().
	Log *slog.Logger
}

// A Redriver makes dead deliveries pending. Its methods may be called
// concurrently.
type Redriver struct {
	cfg      Config
	alarm    clock.Alarm
	wake     chan struct{}
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	redriven atomic.Int64

	mu      sync.Mutex
	jobs    map[int64]*job
	working bool
	armed   time.Time // what the alarm is set for
}

// job is a redrive that is running, guarded by mu.
type job struct {
	store.Redrive
	next time.Time
}

// New returns a redriver that does nothing until Start.
func New(cfg Config) *Redriver {
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	r := &Redriver{cfg: cfg, alarm: cfg.Clock.NewAlarm(), wake: make(chan struct{}, 1), jobs: map[int64]*job{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Start goes on with the redrives that an earlier process left. It is called
// once.
func (r *Redriver) Start(ctx context.Context) error {
	all, err := r.cfg.Store.Redrives(ctx)
	if err != nil {
		return err
	}
	now := r.cfg.Clock.Now()
	for _, one := range all {
		if one.State == store.RedriveRunning {
			r.jobs[one.ID] = &job{Redrive: one, next: now}
			r.cfg.Log.Info("going on with a redrive", "redrive", one.ID, "redriven", one.Redriven, "matched", one.Matched)
		}
	}
	r.running.Go(r.run)
	return nil
}

// Stop ends the work. What is left of redrives is done after the next Start.
func (r *Redriver) Stop() {
	r.cancel()
	r.running.Wait()
}

// Redriven counts the deliveries that were made pending since New.
func (r *Redriver) Redriven() int64 { return r.redriven.Load() }

// A RateError says that a rate is not one.
type RateError struct{ Rate float64 }

func (e *RateError) Error() string {
	return fmt.Sprintf("a rate is a number of deliveries a second, from one a day to %d, or 0 for no limit; not %v", int64(MaxRate), e.Rate)
}

// Begin begins a redrive of what was given up until now, at so many deliveries
// a second; 0 is no limit. It is durable when Begin returns; one of nothing is
// done and has no id. An error is a *RateError, [store.ErrRedrives], or the
// store's.
func (r *Redriver) Begin(ctx context.Context, of store.Undelivered, rate float64) (*store.Redrive, error) {
	if math.IsNaN(rate) || rate != 0 && (rate < minRate || rate > MaxRate) {
		return nil, &RateError{rate}
	}
	now := r.cfg.Clock.Now()
	begun, err := r.cfg.Store.BeginRedrive(ctx, of, rate, now)
	if err != nil || begun.State != store.RedriveRunning {
		return begun, err
	}
	r.cfg.Log.Info("redrive begun", "redrive", begun.ID, "matched", begun.Matched, "rate", rate)
	r.mu.Lock()
	r.jobs[begun.ID] = &job{Redrive: *begun, next: now}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return begun, nil
}

// Cancel ends a redrive and returns it; what it has made pending stays so. One
// that has ended is left as it is. The error is [store.ErrNotFound] where there
// is none with the id.
func (r *Redriver) Cancel(ctx context.Context, id int64) (*store.Redrive, error) {
	was, err := r.cfg.Store.CancelRedrive(ctx, id, r.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	if was {
		r.cfg.Log.Info("redrive cancelled", "redrive", id)
		r.mu.Lock()
		delete(r.jobs, id)
		r.mu.Unlock()
	}
	return r.cfg.Store.Redrive(ctx, id)
}

// Event makes pending at once those deliveries of an event that were given up
// and are selected, and returns how many.
func (r *Redriver) Event(ctx context.Context, id event.ID, which store.Undelivered) (int64, error) {
	return r.tell(r.cfg.Store.RedriveEvent(ctx, id, which, r.cfg.Clock.Now(), r.cfg.Endpoint))
}

// Hurry makes those deliveries of an event due now that are selected and wait
// for a later moment, and returns how many. It is no redrive: their attempts and
// age go on counting.
func (r *Redriver) Hurry(ctx context.Context, id event.ID, which store.Undelivered) (n int64, _ error) {
	due, err := r.cfg.Store.HurryEvent(ctx, id, which, r.cfg.Clock.Now())
	if err != nil {
		return 0, err
	}
	for _, b := range due {
		n += b.Count
	}
	r.cfg.Due(due)
	return n, nil
}

// DeadLetter makes pending at once the delivery of one message in a
// dead-letter queue. The error is [store.ErrNotFound] where there is no such
// message.
func (r *Redriver) DeadLetter(ctx context.Context, id int64) error {
	_, err := r.tell(r.cfg.Store.RedriveDeadLetter(ctx, id, r.cfg.Clock.Now(), r.cfg.Endpoint))
	return err
}

// tell passes on what has become pending, and counts it.
func (r *Redriver) tell(due []store.Backlog, err error) (n int64, _ error) {
	for _, b := range due {
		n += b.Count
	}
	if n > 0 {
		r.redriven.Add(n)
		r.cfg.Due(due)
	}
	return n, err
}

// Idle reports whether nothing is to be done before a later moment, for which
// the alarm is set.
func (r *Redriver) Idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.working {
		return false
	}
	first := r.first()
	return first == nil || first.next.After(r.cfg.Clock.Now()) && first.next.Equal(r.armed)
}

// first is the job whose turn is next. The caller holds mu.
func (r *Redriver) first() *job {
	var first *job
	for _, j := range r.jobs {
		if first == nil || j.next.Before(first.next) || j.next.Equal(first.next) && j.ID < first.ID {
			first = j
		}
	}
	return first
}

func (r *Redriver) run() {
	defer r.alarm.Stop()
	for r.ctx.Err() == nil {
		if j, now := r.pick(); j != nil {
			r.step(j, now)
			continue
		}
		select {
		case <-r.ctx.Done():
		case <-r.wake:
		case <-r.alarm.C():
		}
	}
}

// pick takes the job whose time has come, or sets the alarm for the next.
func (r *Redriver) pick() (*job, time.Time) {
	now := r.cfg.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.first()
	switch {
	case first == nil:
		r.arm(time.Time{})
	case first.next.After(now):
		r.arm(first.next)
	default:
		r.working = true
		return first, now
	}
	return nil, now
}

func (r *Redriver) arm(at time.Time) {
	r.armed = at
	r.alarm.Set(at)
}

// step makes a few of a job's deliveries pending.
func (r *Redriver) step(j *job, now time.Time) {
	r.mu.Lock()
	one := j.Redrive
	r.mu.Unlock()
	n, wait := pace(one.Rate)
	_, err := r.tell(r.cfg.Store.RedriveNext(r.ctx, &one, n, now, r.cfg.Endpoint))
	if err != nil && r.ctx.Err() == nil {
		r.cfg.Log.Error("a redrive could not go on; trying again", "redrive", one.ID, "error", err)
		wait = tryAgain
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working = false
	j.Redrive = one
	if j.State != store.RedriveRunning {
		delete(r.jobs, j.ID)
		if j.State == store.RedriveDone {
			r.cfg.Log.Info("redrive done", "redrive", j.ID, "redriven", j.Redriven, "matched", j.Matched)
		}
		return
	}
	// A step that came late is not made up for: the rate is never exceeded. A
	// job without a rate gives way to others that are due.
	j.next = now.Add(wait)
	if wait == 0 {
		j.next = r.cfg.Clock.Now()
	}
}

// pace is how many deliveries to make pending at once, and how long to wait
// then, for a rate.
func pace(rate float64) (n int, wait time.Duration) {
	if rate == 0 {
		return chunk, 0
	}
	n = int(min(max(rate*stride.Seconds(), 1), chunk))
	return n, time.Duration(float64(n) / rate * float64(time.Second))
}
