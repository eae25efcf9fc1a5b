package deliver

import (
	"time"

	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// Admission is an event that is about to be committed: its record for the
// store, and a place in memory for each delivery that gets one. Exactly one of
// Commit and Cancel must follow.
type Admission struct {
	Record     store.Record
	deliveries []*delivery // nil where parked or done
}

// Admit decides which of the event's deliveries wait in memory and which are
// parked in the store, and takes the places of the former.
func (d *Dispatcher) Admit(e *event.Event, region, bus string, routes []*rule.Route) *Admission {
	a := &Admission{Record: store.Record{Event: e, Region: region, Bus: bus}}
	if len(routes) == 0 {
		return a
	}
	a.Record.Deliveries = make([]store.Fresh, len(routes))
	a.deliveries = make([]*delivery, len(routes))
	for i, rt := range routes {
		f := &a.Record.Deliveries[i]
		f.Route = store.Route(rt.Key)
		f.Endpoint = d.endpointOf(rt, e.JSON)
		d.with(f.Endpoint, func(r *apiRoute) {
			if f.Parked = !r.reserve(int64(len(e.JSON))); !f.Parked {
				a.deliveries[i] = &delivery{event: e, n: i, route: f.Route, end: r}
			}
		})
		if x := a.deliveries[i]; x != nil && rt.Request != nil {
			x.path = rt.Request.PathKey(e.JSON)
		}
	}
	return a
}

// HandOver adds deliveries that the commit itself makes: those to other buses,
// whose copies of the event are in the same transaction.
func (a *Admission) HandOver(routes []*rule.Route) {
	for _, rt := range routes {
		a.Record.Deliveries = append(a.Record.Deliveries, store.Fresh{Route: store.Route(rt.Key), Done: true})
		a.deliveries = append(a.deliveries, nil)
	}
}

// Commit queues the deliveries of an event that is now durable.
func (d *Dispatcher) Commit(a *Admission) {
	for i, x := range a.deliveries {
		if x == nil {
			f := &a.Record.Deliveries[i]
			if f.Done {
				d.handedOver(f, a.Record.Event)
				continue
			}
			d.waits(f.Endpoint, f.Route, a.Record.Event.Ingested)
			continue
		}
		x.ticket = a.Record.Ticket
		x.queued = time.Now()
		e := x.end.end
		e.mu.Lock()
		pushed := x.end.push(x)
		e.mu.Unlock()
		if !pushed {
			d.park(x, x.end.key, x.event.Ingested)
		}
	}
}

// handedOver counts a delivery that the commit has made.
func (d *Dispatcher) handedOver(f *store.Fresh, e *event.Event) {
	now := d.clock.Now()
	d.cfg.Metrics.Find(f.Route.Region, f.Route.Bus, f.Route.Rule).Attempted(metrics.Attempt{
		Number: 1, Outcome: metrics.Delivered, Ingested: e.Ingested, Started: now, Ended: now,
	})
}

// Cancel frees the places of an event that was not committed.
func (d *Dispatcher) Cancel(a *Admission) {
	for _, x := range a.deliveries {
		if x != nil {
			e := x.end.end
			e.mu.Lock()
			x.end.release(int64(len(x.event.JSON)))
			e.mu.Unlock()
		}
	}
}
