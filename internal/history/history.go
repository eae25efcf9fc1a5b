// Package history keeps what the metrics came to, minute by minute, for 15
// days.
//
// Those who count know nothing of it: at the end of each minute a [Recorder]
// takes what has been counted since, and the minute goes to the store. Only the
// minutes that are not in the store yet are in memory. A process that is
// stopped stores the minute that it is in; one that crashes loses up to a
// minute.
package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bailey/internal/clock"
	"bailey/internal/metrics"
	"bailey/internal/store"
)

// Retention is how long a minute is kept.
const Retention = 15 * 24 * time.Hour

const (
	// maxSeries bounds the series of 15 days together: rules come and go. What
	// comes after them is kept under [metrics.Other].
	maxSeries = 20_000
	// maxPending bounds the minutes of series that wait for a store that cannot
	// be written; the oldest are given up.
	maxPending = 100_000
	// maxWrite is how many of them one transaction takes.
	maxWrite = 2_000
	// forgetEvery is how often old minutes are looked for, in minutes.
	forgetEvery = 60
)

// A Store keeps minutes.
type Store interface {
	PutMinutes(context.Context, []store.Minute) error
	Minutes(context.Context, store.MinuteQuery, func(store.Minute) error) error
	Series(context.Context, func(s store.Series, latest []byte) error) error
	ForgetMinutes(ctx context.Context, before int64) error
}

// Config says what a [Recorder] records and where. All fields are required.
type Config struct {
	Store   Store
	Metrics *metrics.Metrics
	Clock   clock.Clock
	Log     *slog.Logger
}

// A Recorder keeps minutes. Its methods are safe for concurrent use.
type Recorder struct {
	cfg     Config
	virtual bool

	mu      sync.Mutex
	at      int64 // the minute that open is about
	ends    time.Time
	open    map[store.Series]*point
	pending []store.Minute // not in the store, oldest first
	lost    int            // how many of them were given up
	latest  map[store.Series]*latest
	swept   int64 // the minute in which old ones were looked for

	// storing is held to move minutes from pending to the store, and shared to
	// read both, so that no minute is seen in both or in neither.
	storing sync.RWMutex

	wake   chan struct{} // one token: pending is not empty
	stop   chan struct{}
	ended  sync.WaitGroup
	closed sync.Once
}

// Open begins to record. What was counted before belongs to the minute that it
// is.
func Open(ctx context.Context, cfg Config) (*Recorder, error) {
	r := &Recorder{
		cfg:    cfg,
		open:   make(map[store.Series]*point),
		latest: make(map[store.Series]*latest),
		wake:   make(chan struct{}, 1),
		stop:   make(chan struct{}),
	}
	_, r.virtual = cfg.Clock.(*clock.Virtual)
	err := cfg.Store.Series(ctx, func(s store.Series, text []byte) error {
		l, err := parseLatest(text)
		if err != nil {
			return fmt.Errorf("series %v: %w", s, err)
		}
		r.latest[s] = l
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading which metrics there are: %w", err)
	}
	r.begin(cfg.Clock.Now())
	r.ended.Go(r.run)
	return r, nil
}

// minuteOf is the minute of a moment, in minutes since 1970.
func minuteOf(t time.Time) int64 { return t.Truncate(time.Minute).Unix() / 60 }

// begin makes the minute of now the one that is open.
func (r *Recorder) begin(now time.Time) {
	r.at = minuteOf(now)
	r.ends = time.Unix(60*(r.at+1), 0).UTC()
}

// run stores minutes, and ends those of a machine's clock: a virtual one ends
// them by [Recorder.Take] before it is moved.
func (r *Recorder) run() {
	alarm := r.cfg.Clock.NewAlarm()
	defer alarm.Stop()
	for {
		if !r.virtual {
			r.mu.Lock()
			alarm.Set(r.ends)
			r.mu.Unlock()
		}
		select {
		case <-r.stop:
			return
		case <-alarm.C():
			r.Take()
		case <-r.wake:
		}
		if err := r.write(context.Background()); err != nil {
			r.cfg.Log.Error("a minute of metrics could not be stored; trying again with the next", "error", err)
		}
	}
}

// Take takes what has been counted into the minute to which it belongs. It is
// called before a virtual clock is moved.
func (r *Recorder) Take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
}

// take is Take; the caller holds mu.
func (r *Recorder) take() {
	now := r.cfg.Clock.Now()
	// A virtual clock stands still while things happen, so what was counted
	// belongs to the moment at which it stands. A real one has gone on: what was
	// counted up to the end of a minute, give or take an instant, is taken by
	// whoever comes first after it.
	if r.virtual && minuteOf(now) != r.at {
		r.finish()
		r.begin(now)
	}
	r.cfg.Metrics.Take(r.count)
	if minuteOf(now) != r.at {
		r.finish()
		r.begin(now)
	}
}

func (r *Recorder) count(counted metrics.Series, m metrics.Metric, v metrics.Values) {
	s := store.Series(counted)
	l := r.latest[s]
	if l == nil {
		if len(r.latest) >= maxSeries {
			s = other(s)
			l = r.latest[s]
		}
		if l == nil {
			l = new(latest)
			r.latest[s] = l
		}
	}
	l[m] = r.at
	p := r.open[s]
	if p == nil {
		p = new(point)
		r.open[s] = p
	}
	p.add(m, v)
}

// other is the series that stands for one too many.
func other(s store.Series) store.Series {
	o := store.Series{Region: metrics.Other}
	if s.Bus != "" {
		o.Bus = metrics.Other
	}
	if s.Rule != "" {
		o.Rule = metrics.Other
	}
	return o
}

// finish lets the open minute go to the store; the caller holds mu.
func (r *Recorder) finish() {
	for s, p := range r.open {
		r.pending = append(r.pending, store.Minute{Series: s, At: r.at, Body: p.encode(), Latest: r.latest[s].encode()})
	}
	if len(r.open) == 0 {
		return
	}
	clear(r.open)
	if over := len(r.pending) - maxPending; over > 0 {
		r.pending = append([]store.Minute(nil), r.pending[over:]...)
		r.lost += over
		r.cfg.Log.Error("minutes of metrics are lost: too many wait for the store", "series", over)
	}
	// A virtual clock goes through a month in a second, and what is stored from
	// it is for tests: its minutes need not be there at once.
	if r.virtual && len(r.pending) < maxWrite {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// write stores what is pending.
func (r *Recorder) write(ctx context.Context) error {
	for {
		done, err := r.writeSome(ctx)
		if err != nil || done {
			return err
		}
	}
}

func (r *Recorder) writeSome(ctx context.Context) (done bool, err error) {
	r.storing.Lock()
	defer r.storing.Unlock()
	r.mu.Lock()
	some := r.pending[:min(len(r.pending), maxWrite)]
	lost := r.lost
	r.mu.Unlock()
	if len(some) == 0 {
		return true, nil
	}
	if err := r.cfg.Store.PutMinutes(ctx, some); err != nil {
		return false, fmt.Errorf("storing minutes: %w", err)
	}
	r.mu.Lock()
	// Those that were given up meanwhile were the first of them.
	r.pending = r.pending[max(len(some)-(r.lost-lost), 0):]
	oldest := r.oldest()
	due := r.at >= r.swept+forgetEvery
	if due {
		r.swept = r.at
		for s, l := range r.latest {
			if l.newest() < oldest {
				delete(r.latest, s)
			}
		}
	}
	r.mu.Unlock()
	if due {
		if err := r.cfg.Store.ForgetMinutes(ctx, oldest); err != nil {
			return false, err
		}
	}
	return false, nil
}

// Close stores what has been counted up to now. The store must still be open.
// It may be called more than once.
func (r *Recorder) Close() error {
	var err error
	r.closed.Do(func() {
		close(r.stop)
		r.ended.Wait()
		r.mu.Lock()
		r.take()
		r.finish()
		r.mu.Unlock()
		if err = r.write(context.Background()); errors.Is(err, store.ErrClosed) {
			err = nil
		}
	})
	return err
}
