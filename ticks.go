package bailey

import (
	"context"

	"bailey/internal/deliver"
	"bailey/internal/event"
	"bailey/internal/scheduler"
	"bailey/internal/store"
)

// putTicks commits the events of schedules that are due: the same way as any
// event, except that the rule is known and need not match.
func (r *Router) putTicks(ctx context.Context, ticks []scheduler.Tick) error {
	var records []*store.Record
	var admissions []*deliver.Admission
	for _, t := range ticks {
		routes, ok := r.rules.RuleRoutes(t.Rule)
		if !ok {
			continue // deleted or disabled just now
		}
		now := r.clock.Now()
		e := event.New(r.ids.New(now), &event.Entry{
			Time:       t.At,
			Source:     "aws.events",
			DetailType: "Scheduled Event",
			Resources:  []string{r.rules.RuleARN(t.Rule.Region, t.Rule.Bus, t.Rule.Rule)},
			Detail:     []byte("{}"),
		}, r.cfg.Account, t.Rule.Region, now)
		a := r.dispatcher.Admit(e, t.Rule.Region, t.Rule.Bus, routes)
		a.Record.Tick = &store.Tick{Region: t.Rule.Region, Bus: t.Rule.Bus, Rule: t.Rule.Rule, At: t.At}
		records, admissions = append(records, &a.Record), append(admissions, a)
	}
	return r.commit(ctx, records, admissions)
}
