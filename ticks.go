package bailey

import (
	"context"

	"bailey/internal/event"
	"bailey/internal/scheduler"
	"bailey/internal/store"
)

// putTicks commits the events of schedules that are due: the same way as any
// event, except that the rule is known and need not match.
func (r *Router) putTicks(ctx context.Context, ticks []scheduler.Tick) error {
	var b batch
	for _, t := range ticks {
		routes, ok := r.rules.RuleRoutes(t.Rule)
		if !ok {
			continue // deleted or disabled just now
		}
		now := r.clock.Now()
		entry := &event.Entry{
			Time:       t.At,
			Source:     "aws.events",
			DetailType: "Scheduled Event",
			Resources:  []string{r.rules.RuleARN(t.Rule.Region, t.Rule.Bus, t.Rule.Rule)},
			Detail:     []byte("{}"),
		}
		in := arrival{
			event:  event.New(r.ids.New(now), entry, r.cfg.Account, t.Rule.Region, now),
			region: t.Rule.Region, bus: t.Rule.Bus, time: t.At, size: archivedSize(entry),
		}
		record := r.admit(&b, in, routes)
		record.Tick = &store.Tick{Region: t.Rule.Region, Bus: t.Rule.Bus, Rule: t.Rule.Rule, At: t.At}
	}
	return r.commit(ctx, &b)
}
