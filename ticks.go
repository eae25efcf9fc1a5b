package bailey

import (
	"context"

	"bailey/internal/event"
	"bailey/internal/rule"
	"bailey/internal/scheduler"
	"bailey/internal/store"
)

// putTicks commits the events of schedules that are due: the same way as any
// event of the default bus, except that the rule whose schedule it is gets it
// without having to match.
func (r *Router) putTicks(ctx context.Context, ticks []scheduler.Tick) error {
	var b batch
	var routes []*rule.Route
	for _, t := range ticks {
		now := r.clock.Now()
		entry := &event.Entry{
			Time:       t.At,
			Source:     "aws.events",
			DetailType: "Scheduled Event",
			Resources:  []string{r.rules.RuleARN(t.Rule.Region, t.Rule.Bus, t.Rule.Rule)},
			Detail:     []byte("{}"),
		}
		e := event.New(r.ids.New(now), entry, r.cfg.Account, t.Rule.Region, now)
		var ok bool
		if routes, ok = r.rules.AppendTickRoutes(routes[:0], t.Rule, e.JSON); !ok {
			continue // deleted or disabled just now
		}
		in := arrival{
			event: e, region: t.Rule.Region, bus: t.Rule.Bus, time: t.At, size: archivedSize(entry),
		}
		record := r.admit(&b, in, routes)
		record.Tick = &store.Tick{Region: t.Rule.Region, Bus: t.Rule.Bus, Rule: t.Rule.Rule, At: t.At}
	}
	// A tick is small, and nobody would put it again: it is taken whatever waits
	// for its API.
	r.store.Hold(b.records)
	return r.commit(ctx, &b)
}
