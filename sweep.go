package bailey

import (
	"context"
	"time"
)

// sweepEvery is how often old events are looked for. While a virtual clock is
// moved it is sweepOnTheWay: a month goes by in seconds then, of which so many
// looks would take a good part.
const (
	sweepEvery    = 10 * time.Minute
	sweepOnTheWay = 6 * time.Hour
)

// sweepAtTimes forgets what need not be kept any longer, again and again.
func (r *Router) sweepAtTimes() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-r.stop
		cancel()
	}()
	alarm := r.clock.NewAlarm()
	defer alarm.Stop()
	for {
		alarm.Set(r.clock.Now().Add(sweepEvery))
		select {
		case <-r.stop:
			return
		case <-alarm.C():
		}
		r.sweep(ctx)
	}
}

// sweep forgets what need not be kept any longer.
func (r *Router) sweep(ctx context.Context) {
	now := r.clock.Now()
	// An event stays as long as a message about it: messages go first.
	_, err := r.store.SweepDeadLetters(ctx, now.Add(-r.cfg.DeadRetention))
	gone := 0
	if err == nil {
		gone, err = r.store.Sweep(ctx, now.Add(-r.cfg.Retention), now.Add(-r.cfg.DeadRetention), 0)
	}
	if err == nil {
		err = r.sweepArchives(ctx, now)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		r.log.Error("old events could not be forgotten; trying again", "error", err)
	case gone > 0:
		r.log.Debug("forgot old events", "events", gone)
	}
}
