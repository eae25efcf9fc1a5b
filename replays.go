package bailey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"bailey/internal/event"
	"bailey/internal/replay"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// replayKept is how long a replay that has ended is remembered, as AWS does.
const replayKept = 90 * 24 * time.Hour

const (
	// replayGrace is how long a replay that was cancelled can be seen to be.
	replayGrace = 250 * time.Millisecond
	// replayWait is how long one waits for the end of a replay that has just
	// begun.
	replayWait = time.Second
)

// newPlayer makes what carries out replays.
func (r *Router) newPlayer() *replay.Player {
	cfg := replay.Config{
		Rules: r.rules, Store: r.store, Put: r.putReplayed, Room: r.awaitRoom, Log: r.log,
		Start: max(cmp.Or(r.cfg.ReplayStart, time.Minute), 0), Grace: replayGrace,
	}
	if r.virtual != nil {
		cfg.Start, cfg.Grace = 0, 0 // nobody waits on a clock that stands still
	}
	return replay.New(cfg)
}

// awaitRoom lets a replay wait while much of what is due has not been sent.
func (r *Router) awaitRoom(ctx context.Context) error {
	return r.dispatcher.AwaitRoom(ctx, 512)
}

// putReplayed puts archived events on their bus once more, for the rules that
// the replay names: the same way as any event, as events of their own with new
// ids, the name of the replay in their envelopes, and no trace. That the replay
// has come so far is committed with them.
func (r *Router) putReplayed(ctx context.Context, p *rule.Replay, events []store.ArchivedEvent) error {
	var b batch
	var routes []*rule.Route
	var last *store.Record
	for _, archived := range events {
		origin, err := event.IDOf(archived.JSON)
		if err != nil {
			return fmt.Errorf("replaying archive %s: %w", p.Archive, err)
		}
		now := r.clock.Now()
		id := r.ids.New(now)
		envelope, err := event.Replayed(id, archived.JSON, p.Name)
		if err != nil {
			return fmt.Errorf("replaying archive %s: %w", p.Archive, err)
		}
		e := &event.Event{ID: id, JSON: envelope, Ingested: now}
		routes = r.rules.AppendRoutesOf(routes[:0], p.Region, p.Bus, envelope, p.Takes)
		last = r.admit(&b, arrival{event: e, origin: origin, region: p.Region, bus: p.Bus, time: archived.Time}, routes)
	}
	end := &events[len(events)-1]
	last.Replayed = &store.ReplayMark{Replay: p.ID, Time: end.Time, No: end.No}
	// Where there is no room for it, the replay waits.
	if err := r.store.Reserve(b.records); err != nil {
		r.withdraw(&b, 0, 0)
		return fmt.Errorf("replaying archive %s: %w", p.Archive, err)
	}
	return r.commit(ctx, &b)
}

// ArchiveTotals returns how many events an archive holds, and what they count
// for in bytes.
func (r *Router) ArchiveTotals(ctx context.Context, a *rule.Archive) (events, bytes int64, err error) {
	return r.store.ArchiveTotals(ctx, a.ID)
}

// LastReplayed returns the last minute whose events a replay has looked at, by
// its beginning; zero if there is none. Replays go by the minutes in which their
// archive has events, in AWS, whether those are in the time that is replayed or
// beside it. What an earlier version completed has looked at all minutes.
func (r *Router) LastReplayed(ctx context.Context, p *rule.Replay) (time.Time, error) {
	if p.Looked != nil {
		return *p.Looked, nil
	}
	if p.State == rule.Completed {
		return p.Until.Add(-1).Truncate(time.Minute), nil // the end is exclusive
	}
	mark, err := r.store.ReplayMark(ctx, p.ID)
	return mark.Time.Truncate(time.Minute), err
}

// AwaitReplay waits a moment for the end of a replay that has just begun. One
// that is still starting is not waited for.
func (r *Router) AwaitReplay(ctx context.Context, p *rule.Replay) {
	r.player.Wait(ctx, p, replayWait)
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
