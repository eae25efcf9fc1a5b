package bailey

import (
	"context"
	"errors"
	"time"

	"bailey/internal/store/sqlite"
)

// roomEvery is how often the size of the store is looked at, by the machine's
// clock: it is the disk that fills.
const roomEvery = 5 * time.Second

// limitName is what the limit of the store is called where it is set.
const limitName = "retention.maxBytes"

// errTooLarge is the cause of a [store.FullError] by that limit.
var errTooLarge = errors.New("what must be kept is a quarter more than it allows")

// keepRoom forgets settled events early when the store is too large, and says
// when that was not enough.
func (r *Router) keepRoom() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-r.stop
		cancel()
	}()
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-tick.C:
		}
		if err := r.makeRoom(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("room could not be made in the store; trying again", "error", err)
		}
	}
}

// makeRoom forgets the oldest settled events, as many as needed, if the store
// is larger than it may be, and notes whether it is full of what must be kept.
func (r *Router) makeRoom(ctx context.Context) error {
	size, err := r.store.Size(ctx)
	if err != nil {
		return err
	}
	if size.Used > r.cfg.MaxBytes {
		// A tenth more than needed, so as not to begin again at once.
		gone, err := r.store.Sweep(ctx, time.Time{}, r.clock.Now().Add(-r.cfg.DeadRetention), r.cfg.MaxBytes/10*9)
		if err != nil {
			return err
		}
		if gone > 0 {
			r.log.Info("the store was too large: the oldest settled events were forgotten before their time", "events", gone, "limit", r.cfg.MaxBytes)
		}
		if size, err = r.store.Size(ctx); err != nil {
			return err
		}
		if size.Used > r.cfg.MaxBytes {
			if size, err = r.forgetDead(ctx, size); err != nil {
				return err
			}
		}
	}
	r.size.Store(&size)
	full := size.Used > r.cfg.MaxBytes+r.cfg.MaxBytes/4
	if was := r.full.Swap(full); was != full {
		if full {
			r.log.Error("the store is full of what must be kept: no events are taken", "bytes", size.Used, "limit", limitName, "limit_bytes", r.cfg.MaxBytes)
		} else {
			r.log.Info("the store has room again", "bytes", size.Used, "limit", r.cfg.MaxBytes)
		}
	}
	return nil
}

// forgetDead forgets the oldest events with dead deliveries before their time,
// when nothing else is left to forget: their history is worth less than new
// events. One about which there is a message in a dead-letter queue stays with
// the message.
func (r *Router) forgetDead(ctx context.Context, size sqlite.Size) (sqlite.Size, error) {
	gone, err := r.store.Sweep(ctx, time.Time{}, endOfTime, r.cfg.MaxBytes/10*9)
	if err != nil || gone == 0 {
		return size, err
	}
	r.log.Warn("the store was too large: the oldest events that could not be delivered, and have no message in a dead-letter queue, were forgotten before their time",
		"events", gone, "limit", limitName, "bytes", r.cfg.MaxBytes)
	return r.store.Size(ctx)
}

// endOfTime is after every moment.
var endOfTime = time.UnixMilli(1 << 60)

// showRoom lets the metrics show how large the store is.
func (r *Router) showRoom() {
	r.size.Store(&sqlite.Size{})
	if size, err := r.store.Size(context.Background()); err == nil { // else keepRoom says so
		r.size.Store(&size)
	}
	r.metrics.Gauge("bailey_store_damaged", "1 if the database was found damaged after the start, or was missing beside its lock at the start.", func() float64 {
		if r.store.Damaged() != nil || r.store.Missing() {
			return 1
		}
		return 0
	})
	r.metrics.Counter("bailey_unreadable_rows_total", "Rows of the store that were found damaged and set aside since the start.",
		func() float64 { return float64(r.store.Unreadable()) })
	r.metrics.Gauge("bailey_store_bytes", "Bytes of the store that are in use.", func() float64 { return float64(r.size.Load().Used) })
	r.metrics.Gauge("bailey_store_free_bytes", "Bytes of the store's file that are free: the file does not shrink, and what comes next is written there.",
		func() float64 { return float64(r.size.Load().Free) })
	r.metrics.Gauges("bailey_api_held_bytes", "Bytes of the store that what waits for an API holds, with its dead letters. It may be as many as are free of the store's limit.",
		[]string{"api"}, func(show func(float64, ...string)) {
			for api, bytes := range r.store.Shares() {
				show(float64(bytes), api)
			}
		})
	r.metrics.Gauge("bailey_store_limit_bytes", "Bytes of the store beyond which the oldest settled events are forgotten early.",
		func() float64 { return float64(r.cfg.MaxBytes) })
}
