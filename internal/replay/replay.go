// Package replay carries out replays: it reads the events of an archive in the
// order of their own time and hands them over to be put on their bus once more.
//
// How far a replay has come is committed with the events that it has handed
// over. After a restart it goes on behind them: none is lost, and none is
// handed over twice.
//
// Each replay has a goroutine. It holds one batch in memory, and reads the next
// when deliveries have room for it.
package replay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"bailey/internal/rule"
	"bailey/internal/store"
)

// Config puts a [Player] together. All fields are required but Start,
// Grace and Log.
type Config struct {
	Rules *rule.Registry
	Store Store
	// Put commits the events and, with them, that the replay has come to the
	// last of them. An error means that none was committed.
	Put func(context.Context, *rule.Replay, []store.ArchivedEvent) error
	// Room returns when there is room for more deliveries, or ctx is done.
	Room func(context.Context) error
	// Start is how long a replay is starting, counted from when it was started:
	// until then it can be cancelled before anything has come of it. 0 is no
	// time.
	Start time.Duration
	// Grace is how long a replay that was cancelled can be seen to be. 0 is no
	// time.
	Grace time.Duration
	// Log receives what goes wrong; nil means slog.Default().
	Log *slog.Logger
}

// Store is what is read.
type Store interface {
	Archived(ctx context.Context, archive string, from, until time.Time, after store.ReplayMark, limit, maxBytes int) ([]store.ArchivedEvent, error)
	LastArchived(ctx context.Context, archive string, from, until time.Time) (time.Time, error)
	ReplayMark(ctx context.Context, replay string) (store.ReplayMark, error)
}

// Bounds of a player.
const (
	batch      = 100     // events that are committed together
	batchBytes = 1 << 20 // of their envelopes, but for the last
	// again is how long after the store failed the same is tried.
	again = time.Second
)

// Player carries out replays. Its methods may be called concurrently.
type Player struct {
	cfg    Config
	ctx    context.Context
	stop   context.CancelFunc
	active sync.WaitGroup
	busy   atomic.Int64 // replays that are not waiting for the store to recover

	mu      sync.Mutex
	playing map[string]*play // by the replay's id
	stopped bool
}

// play is a replay under way.
type play struct {
	begins time.Time       // on the machine's clock: it is starting until then
	ctx    context.Context // ends when the replay is cancelled, or the player stops
	cancel context.CancelFunc
	done   chan struct{} // closed once it has ended
}

// New returns a player that does nothing until Start.
func New(cfg Config) *Player {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p := &Player{cfg: cfg, playing: map[string]*play{}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// Start goes on with the replays that an earlier process left, and begins those
// that are started from now on. It is called once.
func (p *Player) Start() { p.cfg.Rules.WatchReplays(p.changed) }

// Stop ends all replays where they are. They go on after the next Start.
func (p *Player) Stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.stop()
	p.active.Wait()
}

// Idle reports whether no replay has anything to do.
func (p *Player) Idle() bool { return p.busy.Load() == 0 }

// Wait waits for the end of a replay that began less than d ago, until that is d
// ago or ctx is done: most replays are over by then, and the caller need not ask
// again. One that is starting or was cancelled is not
// waited for.
func (p *Player) Wait(ctx context.Context, r *rule.Replay, d time.Duration) {
	p.mu.Lock()
	now := p.playing[r.ID]
	p.mu.Unlock()
	if now == nil || time.Now().Before(now.begins) {
		return
	}
	timer := time.NewTimer(time.Until(now.begins.Add(d)))
	defer timer.Stop()
	select {
	case <-now.ctx.Done():
	case <-now.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// changed is told of a replay whose state has changed.
func (p *Player) changed(r *rule.Replay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !r.Active() || p.stopped {
		return
	}
	now := p.playing[r.ID]
	if now == nil {
		now = &play{begins: p.begins(r), done: make(chan struct{})}
		now.ctx, now.cancel = context.WithCancel(p.ctx)
		p.playing[r.ID] = now
		p.busy.Add(1)
		p.active.Go(func() { p.run(r, now) })
	}
	if r.State == rule.Cancelling {
		now.cancel()
	}
}

// begins is when a replay is not starting any more. A clock that was set back
// does not make it later than if it had been started now.
func (p *Player) begins(r *rule.Replay) time.Time {
	now := time.Now()
	return now.Add(min(max(r.Started.Add(p.cfg.Start).Sub(now), 0), p.cfg.Start))
}

// noArchive is why a replay whose archive was deleted has failed.
const noArchive = "Archive resource not found."

// hasArchive reports whether a replay's archive is there.
func (p *Player) hasArchive(r *rule.Replay) bool {
	a, err := p.cfg.Rules.Archive(r.Region, r.Archive)
	return err == nil && a.ID == r.ArchiveID
}

// run carries out a replay to its end, or until the player stops.
func (p *Player) run(r *rule.Replay, now *play) {
	defer func() {
		p.mu.Lock()
		delete(p.playing, r.ID)
		p.mu.Unlock()
		close(now.done)
		now.cancel()
		p.busy.Add(-1)
	}()
	p.pause(now.ctx, time.Until(now.begins))
	state, reason := rule.Failed, noArchive
	if p.hasArchive(r) {
		p.advance(now.ctx, r, rule.Running, "", nil)
		state, reason = p.play(now.ctx, r)
	}
	var looked *time.Time
	if state == rule.Completed {
		looked = p.looked(now.ctx, r)
	}
	if now.ctx.Err() != nil {
		p.pause(p.ctx, p.cfg.Grace) // it was cancelled, and is seen to be
	}
	p.advance(p.ctx, r, state, reason, looked)
}

// looked returns the last minute that a replay has looked at. AWS's replays go by
// the minutes in which the archive has events, those at the edges as a whole.
func (p *Player) looked(ctx context.Context, r *rule.Replay) *time.Time {
	from, until := r.From.Truncate(time.Minute), r.Until.Add(time.Minute-1).Truncate(time.Minute)
	var last time.Time
	p.insist(ctx, r, func() (err error) {
		last, err = p.cfg.Store.LastArchived(ctx, r.ArchiveID, from, until)
		return err
	})
	last = last.Truncate(time.Minute)
	return &last
}

// play hands over the events, and returns how that ended.
func (p *Player) play(ctx context.Context, r *rule.Replay) (rule.ReplayState, string) {
	var mark store.ReplayMark
	p.insist(ctx, r, func() (err error) {
		mark, err = p.cfg.Store.ReplayMark(ctx, r.ID)
		return err
	})
	for ctx.Err() == nil {
		if !p.hasArchive(r) {
			return rule.Failed, noArchive
		}
		n := -1
		p.insist(ctx, r, func() (err error) {
			n, err = p.batch(ctx, r, &mark)
			return err
		})
		if n == 0 {
			return rule.Completed, ""
		}
	}
	return rule.Cancelled, ""
}

// batch hands over the events that come after the mark, as many as go together,
// and moves the mark. It returns their number.
func (p *Player) batch(ctx context.Context, r *rule.Replay, mark *store.ReplayMark) (int, error) {
	if err := p.cfg.Room(ctx); err != nil {
		return -1, err
	}
	events, err := p.cfg.Store.Archived(ctx, r.ArchiveID, r.From, r.Until, *mark, batch, batchBytes)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	if err := p.cfg.Put(ctx, r, events); err != nil {
		return -1, err
	}
	last := &events[len(events)-1]
	mark.Time, mark.No = last.Time, last.No
	return len(events), nil
}

// advance brings a replay into another state; one that is being cancelled ends
// as that and nothing else.
func (p *Player) advance(ctx context.Context, r *rule.Replay, to rule.ReplayState, reason string, looked *time.Time) {
	p.insist(ctx, r, func() error {
		now := p.current(r)
		if now == nil {
			return nil
		}
		if now.State == rule.Cancelling {
			if to == rule.Running {
				return nil
			}
			to, reason, looked = rule.Cancelled, "", nil
		}
		if now.State == to {
			return nil
		}
		ended := *now
		ended.Looked = looked
		return p.cfg.Rules.AdvanceReplay(ctx, &ended, to, reason)
	})
}

// current returns a replay as it is now, nil if nobody knows of it any more.
func (p *Player) current(r *rule.Replay) *rule.Replay {
	now, err := p.cfg.Rules.Replay(r.Region, r.Name)
	if err != nil || now.ID != r.ID {
		return nil
	}
	return now
}

// insist tries until f succeeds or ctx is done. What fails is the store, which
// recovers, or a state that has just changed.
func (p *Player) insist(ctx context.Context, r *rule.Replay, f func() error) {
	for ctx.Err() == nil {
		err := f()
		if err == nil || ctx.Err() != nil {
			return
		}
		if _, refused := errors.AsType[*rule.Error](err); refused {
			continue
		}
		p.cfg.Log.Error("a replay is held up; trying again", "replay", r.Name, "error", err)
		p.busy.Add(-1)
		p.pause(ctx, again)
		p.busy.Add(1)
	}
}

// pause waits, or until ctx is done.
func (p *Player) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
