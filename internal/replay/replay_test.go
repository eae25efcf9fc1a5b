package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/rule"
	"bailey/internal/store"
)

const region = "us-east-1"

// start is how long a replay is starting.
const start = 60 * time.Second

// archive is a store of one archive of n events.
type archive struct {
	n int

	mu   sync.Mutex
	mark store.ReplayMark
	fail int // as many calls fail
}

var errStore = errors.New("no disk")

func (a *archive) failing() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail > 0 {
		a.fail--
		return errStore
	}
	return nil
}

func (a *archive) ReplayMark(_ context.Context, replay string) (store.ReplayMark, error) {
	if err := a.failing(); err != nil {
		return store.ReplayMark{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mark, nil
}

func (a *archive) Archived(_ context.Context, _ string, _, _ time.Time, after store.ReplayMark, limit, _ int) (list []store.ArchivedEvent, err error) {
	if err := a.failing(); err != nil {
		return nil, err
	}
	for no := after.No + 1; no <= int64(a.n) && len(list) < limit; no++ {
		list = append(list, store.ArchivedEvent{No: no, Time: time.Unix(no, 0)})
	}
	return list, nil
}

// Apply and Documents are for the registry.
func (a *archive) Apply(context.Context, []store.Document) error { return a.failing() }

func (a *archive) Documents(context.Context, func(store.Document) error) error { return nil }

// stage is a registry with one archive, and what is played of it.
type stage struct {
	archive
	rules *rule.Registry
	put   []int64
	room  chan struct{} // nil: there is room
}

func newStage(t *testing.T, n int) *stage {
	t.Helper()
	s := &stage{archive: archive{n: n}}
	var err error
	if s.rules, err = rule.Open(t.Context(), rule.Config{Store: s}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.rules.CreateArchive(t.Context(), rule.Archive{Region: region, Name: "a"}, s.rules.BusARN(region, "default")); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) player() *Player {
	return New(Config{
		Rules: s.rules,
		Store: s,
		Put: func(_ context.Context, r *rule.Replay, events []store.ArchivedEvent) error {
			if err := s.failing(); err != nil {
				return err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, e := range events {
				s.put = append(s.put, e.No)
			}
			s.mark = store.ReplayMark{Replay: r.ID, Time: events[len(events)-1].Time, No: events[len(events)-1].No}
			return nil
		},
		Room: func(ctx context.Context) error {
			if s.room == nil {
				return ctx.Err()
			}
			select {
			case <-s.room:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Start: start,
		Grace: 250 * time.Millisecond,
		Log:   slog.New(slog.DiscardHandler),
	})
}

func (s *stage) LastArchived(context.Context, string, time.Time, time.Time) (time.Time, error) {
	return time.Unix(1e8, 0), s.failing()
}

func (s *stage) start(t *testing.T) {
	t.Helper()
	_, err := s.rules.StartReplay(t.Context(), rule.Replay{Region: region, Name: "r", Until: time.Unix(1e9, 0)}, s.rules.ArchiveARN(region, "a"), s.rules.BusARN(region, "default"))
	if err != nil {
		t.Fatal(err)
	}
}

// want waits until nothing happens any more, and says what has.
func (s *stage) want(t *testing.T, state rule.ReplayState, put int) {
	t.Helper()
	synctest.Wait()
	r, err := s.rules.Replay(region, "r")
	if err != nil || r.State != state {
		t.Errorf("got %+v, %v, want it %s", r, err, state)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	want := make([]int64, put)
	for i := range want {
		want[i] = int64(i + 1)
	}
	if !slices.Equal(s.put, want) {
		t.Errorf("got %d events put, want the first %d in order: %v", len(s.put), put, s.put)
	}
}

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 250)
		s.room = make(chan struct{})
		p := s.player()
		p.Start()
		defer p.Stop()
		s.start(t)
		s.want(t, rule.Starting, 0)
		time.Sleep(start - time.Nanosecond)
		s.want(t, rule.Starting, 0)
		time.Sleep(time.Nanosecond)
		s.want(t, rule.Running, 0) // it waits for room
		for batch := 1; batch <= 3; batch++ {
			s.room <- struct{}{}
			s.want(t, rule.Running, min(100*batch, 250))
		}
		s.room <- struct{}{}
		s.want(t, rule.Completed, 250)
		if !p.Idle() {
			t.Error("the player is not idle when all is played")
		}
	})
}

func TestCancel(t *testing.T) {
	for _, state := range []rule.ReplayState{rule.Starting, rule.Running} {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 250)
				s.room = make(chan struct{})
				p := s.player()
				p.Start()
				defer p.Stop()
				s.start(t)
				if state == rule.Running {
					time.Sleep(start)
				}
				s.want(t, state, 0)
				if _, err := s.rules.CancelReplay(t.Context(), region, "r"); err != nil {
					t.Fatal(err)
				}
				s.want(t, rule.Cancelling, 0)
				time.Sleep(time.Second)
				s.want(t, rule.Cancelled, 0)
			})
		})
	}
}

// TestStopAndGoOn stops the player at each batch; another one goes on from
// there.
func TestStopAndGoOn(t *testing.T) {
	for batches := range 4 {
		t.Run(fmt.Sprint("after ", batches), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 250)
				s.room = make(chan struct{})
				p := s.player()
				p.Start()
				s.start(t)
				for range batches {
					s.room <- struct{}{}
				}
				synctest.Wait()
				p.Stop()
				synctest.Wait()
				done := len(s.put)
				if done != min(100*batches, 250) {
					t.Errorf("got %d events put when it was stopped", done)
				}
				close(s.room) // room enough from now on
				p = s.player()
				p.Start()
				defer p.Stop()
				time.Sleep(start)
				s.want(t, rule.Completed, 250)
			})
		})
	}
}

// TestCancelledWhileNobodyPlays finds a replay that was being cancelled when the
// process ended.
func TestCancelledWhileNobodyPlays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1)
		s.start(t)
		if _, err := s.rules.CancelReplay(t.Context(), region, "r"); err != nil {
			t.Fatal(err)
		}
		p := s.player()
		p.Start()
		defer p.Stop()
		time.Sleep(time.Second)
		s.want(t, rule.Cancelled, 0)
	})
}

// TestStoreFails lets each access of the store fail a few times: the replay is
// held up, and all is played in the end, once.
func TestStoreFails(t *testing.T) {
	for first := range 8 {
		t.Run(fmt.Sprint("from the ", first), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 250)
				s.room = make(chan struct{})
				p := s.player()
				p.Start()
				defer p.Stop()
				s.start(t)
				for range first / 2 {
					s.room <- struct{}{}
					synctest.Wait()
				}
				s.mu.Lock()
				s.fail = 1 + first%2*2
				s.mu.Unlock()
				close(s.room)
				time.Sleep(start + 10*time.Second)
				s.want(t, rule.Completed, 250)
			})
		})
	}
}

// TestWait holds for how long one waits for a replay.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1)
		s.room = make(chan struct{})
		p := s.player()
		p.Start()
		defer p.Stop()
		s.start(t)
		r, err := s.rules.Replay(region, "r")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p.Wait(t.Context(), r, time.Second)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v for a replay that is starting", waited)
		}
		time.Sleep(start)
		began = time.Now()
		p.Wait(t.Context(), r, time.Second)
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("waited %v for a replay that does not end, want a second", waited)
		}
		began = time.Now()
		p.Wait(t.Context(), r, time.Second)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v for a replay that began a second ago", waited)
		}
		time.AfterFunc(time.Minute, func() { close(s.room) })
		p.Wait(t.Context(), r, time.Hour)
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("waited %v for a replay that ended after a minute", waited)
		}
	})
}

// TestStartGoesOn ends the player while a replay is starting: the next one lets
// it be starting for what is left of the time, and no longer than that whole time
// if the clock was set back meanwhile.
func TestStartGoesOn(t *testing.T) {
	tests := []struct {
		name       string
		down       time.Duration // how long no player runs
		still, end time.Duration // how long it is starting from then on, and when it has begun
	}{
		{"in the middle", 10 * time.Second, start - 20*time.Second - 1, start - 20*time.Second},
		{"after its time", time.Hour, -1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 1)
				s.room = make(chan struct{})
				p := s.player()
				p.Start()
				s.start(t)
				time.Sleep(10 * time.Second)
				p.Stop()
				s.want(t, rule.Starting, 0)
				time.Sleep(tt.down)
				p = s.player()
				p.Start()
				defer p.Stop()
				if tt.still >= 0 {
					time.Sleep(tt.still)
					s.want(t, rule.Starting, 0)
					time.Sleep(tt.end - tt.still)
				}
				s.want(t, rule.Running, 0)
			})
		})
	}
}

func TestClockSetBackWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Start: start})
		now := time.Now()
		for _, tt := range []struct{ started, want time.Duration }{
			{0, start}, {-10 * time.Second, start - 10*time.Second}, {-start, 0}, {-time.Hour, 0}, {time.Hour, start},
		} {
			if got := p.begins(&rule.Replay{Started: now.Add(tt.started)}).Sub(now); got != tt.want {
				t.Errorf("started %v from now: it begins in %v, want %v", tt.started, got, tt.want)
			}
		}
	})
}

// TestDeletedArchive deletes the archive while its replay is starting, and while
// it runs; another archive of its name is not the one.
func TestDeletedArchive(t *testing.T) {
	for _, state := range []rule.ReplayState{rule.Starting, rule.Running} {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 250)
				s.room = make(chan struct{})
				p := s.player()
				p.Start()
				defer p.Stop()
				s.start(t)
				put := 0
				if state == rule.Running {
					time.Sleep(start)
					s.room <- struct{}{}
					put = 100
				}
				s.want(t, state, put)
				if err := s.rules.DeleteArchive(t.Context(), region, "a"); err != nil {
					t.Fatal(err)
				}
				if _, err := s.rules.CreateArchive(t.Context(), rule.Archive{Region: region, Name: "a"}, s.rules.BusARN(region, "default")); err != nil {
					t.Fatal(err)
				}
				if state == rule.Running {
					s.room <- struct{}{} // the batch that it had begun with
					put = 200
				}
				time.Sleep(start)
				s.want(t, rule.Failed, put)
				if r, err := s.rules.Replay(region, "r"); err != nil || r.Reason != "Archive resource not found." {
					t.Errorf("got %+v, %v, want it failed for want of its archive", r, err)
				}
			})
		})
	}
}

// TestNoStart holds that a player without a time to start begins at once.
func TestNoStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 250)
		p := s.player()
		p.cfg.Start = 0
		p.Start()
		defer p.Stop()
		s.start(t)
		s.want(t, rule.Completed, 250)
	})
}
