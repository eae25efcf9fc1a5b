// Package scheduler runs rules by their schedules: it keeps, for every enabled
// rule that has one, the moment of its next tick, and hands over the ticks that
// are due.
//
// One goroutine and one alarm serve any number of rules; while nothing is due
// they cost nothing. A tick is done when it has been committed together with
// the fact that it was: a process that ends in between makes it again, and one
// that ends after does not.
//
// Ticks that were missed, because nothing ran or because the machine slept, are
// not made up for, except that the last of them runs if it is younger than the
// schedule's period.
package scheduler

import (
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bailey/internal/clock"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// Config puts a [Scheduler] together. All fields are required but
// Rested and Log.
type Config struct {
	Rules *rule.Registry
	Clock clock.Clock
	// Put commits an event for each tick, and the tick with it. An error means
	// that none was committed.
	Put func(context.Context, []Tick) error
	// Store remembers when each rule last ran.
	Store Store
	// Rested, when not nil, is called when nothing is due for the time being.
	// It must not block.
	Rested func()
	// Log receives what goes wrong; nil means slog.Default().
	Log *slog.Logger
}

// Store is what the scheduler reads at start.
type Store interface {
	Ticks(context.Context) ([]store.Tick, error)
	ForgetTicks(context.Context, []store.Tick) error
}

// Tick is one run of a rule. At is the moment that the schedule names.
type Tick struct {
	Rule rule.Key
	At   time.Time
}

// Bounds of the scheduler.
const (
	// batch is how many ticks are committed together.
	batch = 500
	// again is how long after a commit that failed the same ticks are tried.
	again = time.Second
	// late is how much later than it was due a tick may be handed over and
	// still count as on time. One that is later was missed: the machine
	// slept, or the clock was set.
	late = 30 * time.Second
)

// Scheduler runs rules by their schedules. Its methods may be called
// concurrently.
type Scheduler struct {
	cfg   Config
	alarm clock.Alarm
	wake  chan struct{}
	done  chan struct{}
	once  sync.Once
	ended sync.WaitGroup

	mu     sync.Mutex
	next   timeline
	rules  map[rule.Key]*entry
	ran    map[rule.Key]time.Time // when each last ran; nil once Start has read the rules
	firing bool
	armed  time.Time // what the alarm is set for
}

// entry is one rule with a schedule.
type entry struct {
	rule.Schedule
	due    time.Time
	paused time.Time // not before this moment, after a commit that failed
	index  int       // in the timeline, -1 if not in it
	gone   bool
}

// New returns a scheduler that does nothing until Start.
func New(cfg Config) *Scheduler {
	if cfg.Rested == nil {
		cfg.Rested = func() {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Scheduler{
		cfg:   cfg,
		alarm: cfg.Clock.NewAlarm(),
		wake:  make(chan struct{}, 1),
		done:  make(chan struct{}),
		rules: map[rule.Key]*entry{},
	}
}

// Start reads what ran before and begins to run what is due. It is called
// once.
func (s *Scheduler) Start(ctx context.Context) error {
	ticks, err := s.cfg.Store.Ticks(ctx)
	if err != nil {
		return err
	}
	s.ran = map[rule.Key]time.Time{}
	for _, t := range ticks {
		s.ran[rule.Key{Region: t.Region, Bus: t.Bus, Rule: t.Rule}] = t.At
	}
	s.cfg.Rules.Watch(s.set, s.unset)

	s.mu.Lock()
	var gone []store.Tick
	for _, t := range ticks {
		if s.rules[rule.Key{Region: t.Region, Bus: t.Bus, Rule: t.Rule}] == nil {
			gone = append(gone, t)
		}
	}
	s.ran = nil
	s.mu.Unlock()
	if err := s.cfg.Store.ForgetTicks(ctx, gone); err != nil {
		return fmt.Errorf("starting the schedules: %w", err)
	}
	s.ended.Go(s.run)
	return nil
}

// Stop ends the scheduler once the ticks under way are committed.
func (s *Scheduler) Stop() {
	s.once.Do(func() { close(s.done) })
	s.ended.Wait()
}

// Idle reports whether nothing is due at this moment, nothing is under way, and
// the alarm is set for what is due next.
func (s *Scheduler) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.firing || len(s.next) == 0 {
		return !s.firing
	}
	next := s.next[0].when()
	return next.After(s.cfg.Clock.Now()) && next.Equal(s.armed)
}

// set takes a rule's schedule as it is now. A rate counts from a whole
// millisecond, so that what the store says of its last tick is that tick and
// not a moment before it, which would make it one that was missed.
func (s *Scheduler) set(sc rule.Schedule) {
	sc.Since = sc.Since.Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.rules[sc.Rule]; old != nil {
		if old.Expression.String() == sc.Expression.String() && old.Since.Equal(sc.Since) {
			return // something else of the rule has changed
		}
		s.remove(old)
	}
	e := &entry{Schedule: sc, index: -1}
	now := s.cfg.Clock.Now()
	after := now
	if s.ran != nil {
		last := s.ran[sc.Rule]
		// The server has just started: the last tick that was missed runs
		// now if it is younger than the period.
		missed, ok := sc.Expression.Last(now, sc.Since)
		if ok && missed.After(sc.Since) && missed.After(last) && now.Sub(missed) < sc.Expression.Period(missed) {
			after = missed.Add(-time.Nanosecond)
		}
		if last.After(after) {
			after = last // the clock was set back: no tick happens twice
		}
	}
	s.rules[sc.Rule] = e
	s.plan(e, after)
}

// unset forgets a rule.
func (s *Scheduler) unset(key rule.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.rules[key]; e != nil {
		s.remove(e)
	}
}

func (s *Scheduler) remove(e *entry) {
	e.gone = true
	delete(s.rules, e.Rule)
	if e.index >= 0 {
		first := e.index == 0
		heap.Remove(&s.next, e.index)
		if first {
			s.signal() // the alarm is set for a moment at which nothing is due any more
		}
	}
}

// plan puts the rule's first tick after the moment on the timeline. The caller
// holds mu.
func (s *Scheduler) plan(e *entry, after time.Time) {
	due, ok := e.Expression.Next(after, e.Since)
	if !ok {
		return // it never fires again
	}
	e.due = due
	heap.Push(&s.next, e)
	if e.index == 0 {
		s.signal()
	}
}

func (s *Scheduler) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Scheduler) run() {
	defer s.alarm.Stop()
	for {
		select {
		case <-s.done:
			return
		default:
		}
		if due := s.pick(); len(due) > 0 {
			s.fire(due)
			continue
		}
		s.cfg.Rested()
		select {
		case <-s.done:
			return
		case <-s.wake:
		case <-s.alarm.C():
		}
	}
}

// pick takes rules that are due off the timeline, or sets the alarm for the
// next one.
func (s *Scheduler) pick() []*entry {
	now := s.cfg.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*entry
	for len(s.next) > 0 && len(due) < batch && !s.next[0].when().After(now) {
		e := heap.Pop(&s.next).(*entry)
		if now.Sub(e.due) > late && e.paused.IsZero() {
			// Missed, and those up to the last missed one with it.
			last, ok := e.Expression.Last(now, e.Since)
			if ok && last.After(e.due) {
				e.due = last
			}
			if now.Sub(e.due) >= e.Expression.Period(e.due) {
				s.plan(e, now)
				continue
			}
		}
		due = append(due, e)
	}
	s.firing = len(due) > 0
	if len(due) == 0 {
		at := time.Time{}
		if len(s.next) > 0 {
			at = s.next[0].when()
		}
		s.armed = at
		s.alarm.Set(at)
	}
	return due
}

// fire commits the ticks of these rules and plans their next ones.
func (s *Scheduler) fire(due []*entry) {
	ticks := make([]Tick, len(due))
	for i, e := range due {
		ticks[i] = Tick{Rule: e.Rule, At: e.due}
	}
	// Not to be interrupted half-way: what was begun is committed, or fails.
	err := s.cfg.Put(context.Background(), ticks)
	if err != nil {
		s.cfg.Log.Error("scheduled events could not be stored; trying again", "rules", len(ticks), "error", err)
	}
	now := s.cfg.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.firing = false
	for _, e := range due {
		switch {
		case e.gone:
		case err != nil:
			e.paused = now.Add(again)
			heap.Push(&s.next, e)
		default:
			e.paused = time.Time{}
			s.plan(e, e.due)
		}
	}
}

// when is the moment at which the entry is to be looked at.
func (e *entry) when() time.Time {
	if e.paused.After(e.due) {
		return e.paused
	}
	return e.due
}

// timeline orders rules by the moment of their next tick, those of one moment
// by name.
type timeline []*entry

func (t timeline) Len() int { return len(t) }

func (t timeline) Less(i, j int) bool {
	a, b := t[i], t[j]
	if c := a.when().Compare(b.when()); c != 0 {
		return c < 0
	}
	return a.Rule.Rule < b.Rule.Rule
}

func (t timeline) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push and Pop are for package heap.
func (t *timeline) Push(x any) {
	e := x.(*entry)
	e.index = len(*t)
	*t = append(*t, e)
}

func (t *timeline) Pop() any {
	last := len(*t) - 1
	e := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	e.index = -1
	return e
}
