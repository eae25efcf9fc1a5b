package bailey

import (
	"context"

	"bailey/internal/history"
)

// History is what the metrics came to, minute by minute.
func (r *Router) History() *history.Recorder { return r.history }

// startHistory begins to keep minutes. The clock stands where it should.
func (r *Router) startHistory(ctx context.Context) (err error) {
	r.history, err = history.Open(ctx, history.Config{Store: r.store, Metrics: r.metrics, Clock: r.clock, Log: r.log})
	return err
}

// stopHistory stores the minute that it is. That it could not be stored is no
// reason for anything else to fail.
func (r *Router) stopHistory() {
	if r.history == nil {
		return // it was not reached
	}
	if err := r.history.Close(); err != nil {
		r.log.Error("the last minutes of metrics are lost", "error", err)
	}
}

// settle waits until everything that is due has been done. What that counted
// belongs to this moment: it is taken before a virtual clock moves on.
func (r *Router) settle(ctx context.Context) error {
	if err := r.idle(ctx); err != nil {
		return err
	}
	r.history.Take()
	return nil
}
