package bailey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bailey/internal/event"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// replayKept is how long a replay that has ended is remembered, as AWS does.
const replayKept = 90 * 24 * time.Hour

// replayGrace is how long a replay can be seen to be starting, and to be
// cancelled when it was.
const replayGrace = 250 * time.Millisecond

// awaitRoom lets a replay wait while much of what is due has not been sent.
func (r *Router) awaitRoom(ctx context.Context) error {
	return r.dispatcher.AwaitRoom(ctx, 512)
}

// putReplayed puts archived events on their bus once more, for the rules that
// the replay names: the same way as any event, under ids of their own, with the
// name of the replay in their envelopes. That the replay has come so far is
// committed with them.
func (r *Router) putReplayed(ctx context.Context, p *rule.Replay, events []store.ArchivedEvent) error {
	var b batch
	var routes []*rule.Route
	var last *store.Record
	for _, archived := range events {
		id, err := event.IDOf(archived.JSON)
		if err != nil {
			return fmt.Errorf("replaying archive %s: %w", p.Archive, err)
		}
		envelope, err := event.Replayed(archived.JSON, p.Name)
		if err != nil {
			return fmt.Errorf("replaying archive %s: %w", p.Archive, err)
		}
		now := r.clock.Now()
		e := &event.Event{ID: r.ids.New(now), JSON: envelope, Ingested: now, TraceHeader: archived.TraceHeader}
		routes = r.rules.AppendRoutesOf(routes[:0], p.Region, p.Bus, envelope, p.Takes)
		last = r.admit(&b, arrival{event: e, origin: id, region: p.Region, bus: p.Bus, time: archived.Time}, routes)
	}
	end := &events[len(events)-1]
	last.Replayed = &store.ReplayMark{Replay: p.ID, Time: end.Time, No: end.No}
	return r.commit(ctx, &b)
}

// ArchiveTotals returns how many events an archive holds, and what they count
// for in bytes.
func (r *Router) ArchiveTotals(ctx context.Context, a *rule.Archive) (events, bytes int64, err error) {
	return r.store.ArchiveTotals(ctx, a.ID)
}

// LastReplayed returns the time of the event that a replay came to last; zero
// if it has come to none.
func (r *Router) LastReplayed(ctx context.Context, p *rule.Replay) (time.Time, error) {
	mark, err := r.store.ReplayMark(ctx, p.ID)
	return mark.Time, err
}

// AwaitReplay waits a moment for the end of a replay that has just begun.
func (r *Router) AwaitReplay(ctx context.Context, p *rule.Replay) {
	r.player.Wait(ctx, p, 4*replayGrace)
}

// sweepArchives forgets what archives need not keep any longer, and what is left
// of archives and replays that are gone.
func (r *Router) sweepArchives(ctx context.Context, now time.Time) error {
	known := map[string]bool{}
	var errs []error
	for _, a := range r.rules.AllArchives() {
		known[a.ID] = true
		if a.RetentionDays == 0 {
			continue
		}
		_, err := r.store.ForgetArchived(ctx, a.ID, now.AddDate(0, 0, -a.RetentionDays))
		errs = append(errs, err)
	}
	errs = append(errs, r.store.ForgetArchives(ctx, func(id string) bool { return known[id] }))
	errs = append(errs, r.rules.ForgetReplays(ctx, now.Add(-replayKept)))
	errs = append(errs, r.rules.ForgetSources(ctx))
	clear(known)
	for _, p := range r.rules.AllReplays() {
		known[p.ID] = true
	}
	errs = append(errs, r.store.ForgetReplays(ctx, func(id string) bool { return known[id] }))
	return errors.Join(errs...)
}
