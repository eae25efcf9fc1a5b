package bailey

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bailey/internal/deliver"
	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// batch is what one transaction is to commit: events with their deliveries.
type batch struct {
	records    []*store.Record
	admissions []*deliver.Admission
	archived   []archived
	failed     error // a fault that leaves nothing of it to commit
}

// withdraw takes back what was added to the batch since it had so many records
// and archived events.
func (r *Router) withdraw(b *batch, records, archived int) {
	for _, a := range b.admissions[records:] {
		r.dispatcher.Cancel(a)
	}
	b.records, b.admissions, b.archived = b.records[:records], b.admissions[:records], b.archived[:archived]
}

// archived is an event that the transaction puts into an archive.
type archived struct {
	rule  *metrics.Rule // the archive's
	event *event.Event
}

// arrival is an event on its way onto a bus.
type arrival struct {
	event       *event.Event
	origin      event.ID // what it is a copy or a replay of, else zero
	region, bus string
	// time and size are the event's own, for archives.
	time time.Time
	size int64
	// forwarded events come from another bus of the region, crossed ones from
	// another region; each of these ways is open to an event once.
	forwarded, crossed bool
}

// open reports whether the event may be handed on along a route to a bus.
func (in *arrival) open(rt *rule.Route) bool {
	if rt.BusRegion != in.region {
		return !in.crossed
	}
	return !in.forwarded
}

// admit adds an event to the batch, with its deliveries along the routes and
// everything else that they ask for: to be kept in archives, and to be put on
// other buses, all of it in the one transaction. The event that a bus hands on
// is the same, its id included, but in another region; it is not handed on
// again, so that no event goes round in circles. A bus that is not there
// swallows it, as AWS's do, and the log says so.
func (r *Router) admit(b *batch, in arrival, routes []*rule.Route) *store.Record {
	targets, buses, archives := r.part(routes, in)
	a := r.dispatcher.Admit(in.event, in.region, in.bus, targets)
	a.HandOver(buses)
	a.Record.Origin = in.origin
	if len(archives) > 0 {
		a.Record.Archived = &store.Archived{Time: in.time, Size: in.size}
		for _, rt := range archives {
			a.Record.Archived.Archives = append(a.Record.Archived.Archives, rt.Archive)
			b.archived = append(b.archived, archived{rt.Metrics, in.event})
		}
	}
	b.records, b.admissions = append(b.records, &a.Record), append(b.admissions, a)
	for _, rt := range buses {
		if !r.rules.HasBus(rt.BusRegion, rt.Bus) {
			r.swallowed.warn(r.log, r.clock.Now(), rt, in.event.ID)
			continue
		}
		to, err := r.forward(in, rt)
		if err != nil {
			b.failed = err
			continue
		}
		r.admit(b, to, r.rules.AppendRoutes(nil, to.region, to.bus, to.event.JSON))
	}
	return &a.Record
}

// forward makes the arrival at the bus that a route leads to.
func (r *Router) forward(in arrival, rt *rule.Route) (arrival, error) {
	to := in
	to.region, to.bus, to.origin = rt.BusRegion, rt.Bus, in.event.ID
	id := r.ids.New(in.event.Ingested)
	if to.region == in.region {
		e := *in.event
		e.ID = id
		to.event, to.forwarded = &e, true
		return to, nil
	}
	e, err := event.Forwarded(in.event, id)
	if err != nil {
		return arrival{}, fmt.Errorf("forwarding event %s to %s: %w", in.event.ID, rt.Target.ARN, err)
	}
	to.event, to.time, to.forwarded, to.crossed = e, e.Ingested, false, true
	return to, nil
}

// part tells the routes to targets from those to other buses, and from archives.
// Most events have only the first kind: those it returns as they are.
func (r *Router) part(routes []*rule.Route, in arrival) (targets, buses, archives []*rule.Route) {
	special := func(rt *rule.Route) bool { return rt.Archive != "" || rt.Bus != "" }
	if !slices.ContainsFunc(routes, special) {
		return routes, nil, nil
	}
	for _, rt := range routes {
		switch {
		case rt.Archive != "":
			archives = append(archives, rt)
		case rt.Bus != "" && in.open(rt):
			buses = append(buses, rt)
		default:
			targets = append(targets, rt)
		}
	}
	return targets, buses, archives
}

// commit makes a batch durable, all of it or nothing, and then queues the
// deliveries. What its records hold of the store is counted already.
func (r *Router) commit(ctx context.Context, b *batch) error {
	if len(b.records) == 0 {
		return nil
	}
	err := b.failed
	if err == nil {
		err = r.store.Put(ctx, b.records)
	}
	if err != nil {
		for _, a := range b.admissions {
			r.dispatcher.Cancel(a)
		}
		r.store.Release(b.records)
		return fmt.Errorf("storing events: %w", err)
	}
	for _, a := range b.admissions {
		r.dispatcher.Commit(a)
	}
	if len(b.archived) > 0 {
		now := r.clock.Now()
		for _, a := range b.archived {
			a.rule.Archived(a.event.Ingested, now)
		}
	}
	return nil
}

// archivedSize is what an event counts for in an archive: the bytes of its
// source, detail type, detail and resources, and of its time as it is written.
// It is what AWS's archives were seen to count.
func archivedSize(e *Entry) int64 {
	untimed := *e
	untimed.Time = time.Time{}
	return int64(untimed.Size() + len("2006-01-02T15:04:05Z"))
}
