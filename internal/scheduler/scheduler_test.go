package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"bailey/internal/clock"
	"bailey/internal/event"
	"bailey/internal/rule"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

const region = "us-east-1"

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A world is a scheduler with the real store and the real registry.
type world struct {
	t      *testing.T
	clock  *clock.Virtual
	store  *sqlite.Store
	rules  *rule.Registry
	s      *Scheduler
	rested chan struct{}
	ids    event.IDs
	ended  bool

	// put, when not nil, is called in the place of commit.
	put func(context.Context, []Tick) error

	mu    sync.Mutex
	ticks []Tick // committed
}

// open starts the process, so to speak. put may be nil.
func open(t *testing.T, dir string, at time.Time, put func(context.Context, []Tick) error) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(at), rested: make(chan struct{}, 1), put: put}
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.store, err = sqlite.Open(sqlite.Config{Dir: dir, Clock: w.clock.Now, Log: log}); err != nil {
		t.Fatal(err)
	}
	w.ids.StartAfter(w.store.NewestKey())
	if w.rules, err = rule.Open(t.Context(), rule.Config{Store: w.store, Now: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	w.s = New(Config{Rules: w.rules, Clock: w.clock, Store: w.store, Log: log, Put: w.commit, Rested: func() {
		select {
		case w.rested <- struct{}{}:
		default:
		}
	}})
	if err := w.s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	if w.ended {
		return
	}
	w.ended = true
	w.s.Stop()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// commit is what the router does for ticks, with a delivery that waits, so that
// the events can be listed.
func (w *world) commit(ctx context.Context, ticks []Tick) error {
	if w.put != nil {
		if err := w.put(ctx, ticks); err != nil {
			return err
		}
	}
	var records []*store.Record
	for _, tick := range ticks {
		e := event.New(w.ids.New(w.clock.Now()), &event.Entry{
			Time: tick.At, Source: "aws.events", DetailType: "Scheduled Event", Resources: []string{tick.Rule.Rule}, Detail: []byte(`{}`),
		}, "000000000000", tick.Rule.Region, w.clock.Now())
		records = append(records, &store.Record{
			Event: e, Region: tick.Rule.Region, Bus: tick.Rule.Bus,
			Tick:       &store.Tick{Region: tick.Rule.Region, Bus: tick.Rule.Bus, Rule: tick.Rule.Rule, At: tick.At},
			Deliveries: []store.Fresh{{Parked: true, Route: store.Route{Region: tick.Rule.Region, Bus: tick.Rule.Bus, Rule: tick.Rule.Rule, Target: "t"}}},
		})
	}
	if err := w.store.Put(ctx, records); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticks = append(w.ticks, ticks...)
	return nil
}

func (w *world) rule(name, expression string) {
	w.t.Helper()
	_, err := w.rules.PutRule(w.t.Context(), rule.Rule{Region: region, EventBusName: "default", Name: name, ScheduleExpression: expression, State: rule.Enabled})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) state(name string, state rule.State) {
	w.t.Helper()
	if err := w.rules.SetState(w.t.Context(), region, "default", name, state); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) advance(d time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	err := w.clock.Advance(ctx, d, func(ctx context.Context) error {
		for !w.s.Idle() {
			select {
			case <-w.rested:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// offsets returns when ticks of the rule were committed by this process, as
// minutes since midnight.
func (w *world) offsets(name string) []float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []float64
	for _, tick := range w.ticks {
		if tick.Rule.Rule == name {
			all = append(all, tick.At.Sub(midnight).Minutes())
		}
	}
	return all
}

// stored returns the times of the scheduled events in the store, oldest first.
func (w *world) stored() []time.Time {
	w.t.Helper()
	deliveries, _, err := w.store.Deliveries(w.t.Context(), store.Query{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var all []time.Time
	for _, d := range slices.Backward(deliveries) {
		stored, err := w.store.Event(w.t.Context(), d.Event)
		if err != nil {
			w.t.Fatal(err)
		}
		var e struct{ Time time.Time }
		if err := json.Unmarshal(stored.JSON, &e); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, e.Time)
	}
	return all
}

// snapshot is what a crash at this moment leaves of a data folder.
func snapshot(t *testing.T, dir string) (database, wal []byte) {
	t.Helper()
	for name, to := range map[string]*[]byte{"bailey.db": &database, "bailey.db-wal": &wal} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		*to = b
	}
	return database, wal
}

// A crash at every point of a tick's commit: before it, after it, and with any
// part of it on disk. After the restart, every minute has had its tick, once.
func TestCrashAtTick(t *testing.T) {
	const crash, more = 3, 4
	dir := t.TempDir()
	var database, before []byte
	w := open(t, dir, midnight, func(_ context.Context, ticks []Tick) error {
		if ticks[0].At.Sub(midnight) == crash*time.Minute {
			database, before = snapshot(t, dir)
		}
		return nil
	})
	w.rule("every-minute", "rate(1 minute)")
	w.advance(crash * time.Minute)
	sameDatabase, after := snapshot(t, dir)
	if !slices.Equal(database, sameDatabase) || len(after) <= len(before) {
		t.Fatal("the commit is not an addition to the log, which this test takes for granted")
	}

	recovered := map[bool]int{} // how many restarts found the tick, and how many did not
	for size := len(before); size < len(after)+512; size += 512 {
		size = min(size, len(after))
		restarted := t.TempDir()
		for name, content := range map[string][]byte{"bailey.db": database, "bailey.db-wal": after[:size]} {
			if err := os.WriteFile(filepath.Join(restarted, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w := open(t, restarted, midnight.Add(crash*time.Minute), nil)
		found := len(w.stored()) == crash
		recovered[found]++
		w.advance(more * time.Minute)
		got := w.stored()
		w.close()
		if len(got) != crash+more {
			t.Fatalf("with %d of %d bytes of the commit on disk (found: %v) there are ticks at %v, want %d", size-len(before), len(after)-len(before), found, got, crash+more)
		}
		for i, at := range got {
			if want := midnight.Add(time.Duration(i+1) * time.Minute); !at.Equal(want) {
				t.Errorf("with %d of %d bytes of the commit on disk, tick %d is that of %v, want %v", size-len(before), len(after)-len(before), i+1, at, want)
			}
		}
	}
	if recovered[true] == 0 || recovered[false] < 2 {
		t.Errorf("the restarts found the tick %d times and did not %d times: the test has not seen both", recovered[true], recovered[false])
	}
	t.Logf("restarts that found the tick: %d; that did not: %d", recovered[true], recovered[false])
}

// While the disk is full, ticks wait and are tried every second; none is lost.
func TestCommitFails(t *testing.T) {
	var w *world
	full := func() bool {
		at := w.clock.Now().Sub(midnight)
		return at >= 10*time.Minute && at < 10*time.Minute+90*time.Second
	}
	attempts := 0
	w = open(t, t.TempDir(), midnight, func(context.Context, []Tick) error {
		if full() {
			attempts++
			return errors.New("the disk is full")
		}
		return nil
	})
	w.rule("slow", "rate(10 minutes)")
	w.rule("fast", "rate(1 minute)")
	w.advance(25 * time.Minute)
	if got, want := w.offsets("slow"), []float64{10, 20}; !slices.Equal(got, want) || attempts < 90 {
		t.Errorf("the slow rule ticked at %v after %d attempts, want %v after 90", got, attempts, want)
	}
	want := make([]float64, 25)
	for i := range want {
		want[i] = float64(i + 1)
	}
	if got := w.offsets("fast"); !slices.Equal(got, want) {
		t.Errorf("the fast rule ticked at %v, want %v", got, want)
	}
}

// What a rule's owner does while its tick is next.
func TestChanges(t *testing.T) {
	tests := []struct {
		name   string
		change func(*world)
		want   []float64
	}{
		{"nothing", func(*world) {}, []float64{10, 20, 30}},
		{"put again as it is", func(w *world) { w.rule("r", "rate(10 minutes)") }, []float64{10, 20, 30}},
		{"another rate", func(w *world) { w.rule("r", "rate(7 minutes)") }, []float64{12, 19, 26, 33}},
		{"a rate becomes cron", func(w *world) { w.rule("r", "cron(0/15 * * * ? *)") }, []float64{15, 30}},
		{"disabled", func(w *world) { w.state("r", rule.Disabled) }, nil},
		{"disabled and enabled", func(w *world) {
			w.state("r", rule.Disabled)
			w.advance(time.Minute)
			w.state("r", rule.Enabled)
		}, []float64{16, 26}},
		{"enabled when it is", func(w *world) { w.state("r", rule.Enabled) }, []float64{10, 20, 30}},
		{"deleted", func(w *world) {
			if err := w.rules.DeleteRule(t.Context(), region, "default", "r", false); err != nil {
				w.t.Fatal(err)
			}
		}, nil},
		{"deleted and made again", func(w *world) {
			if err := w.rules.DeleteRule(t.Context(), region, "default", "r", false); err != nil {
				w.t.Fatal(err)
			}
			w.rule("r", "rate(10 minutes)")
		}, []float64{15, 25}},
		{"a pattern in the schedule's place", func(w *world) {
			if _, err := w.rules.PutRule(t.Context(), rule.Rule{Region: region, EventBusName: "default", Name: "r", EventPattern: `{"source": ["x"]}`}); err != nil {
				w.t.Fatal(err)
			}
		}, nil},
		{"a last firing that has been", func(w *world) { w.rule("r", "cron(0 12 1 1 ? 2025)") }, nil},
		{"one that comes once", func(w *world) { w.rule("r", "cron(17 0 1 1 ? 2026)") }, []float64{17}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := open(t, t.TempDir(), midnight, nil)
			w.rule("later", "rate(1 hour)") // so that the clock has somewhere to go
			w.rule("r", "rate(10 minutes)")
			w.advance(5 * time.Minute)
			tt.change(w)
			w.advance(midnight.Add(34 * time.Minute).Sub(w.clock.Now()))
			if got := w.offsets("r"); !slices.Equal(got, tt.want) {
				t.Errorf("ticks at minutes %v, want %v", got, tt.want)
			}
			w.advance(26 * time.Minute)
			if got := w.offsets("later"); !slices.Equal(got, []float64{60}) {
				t.Errorf("the other rule ticked at %v, want 60", got)
			}
		})
	}
}

// A rule is created at any nanosecond, and the store keeps milliseconds: a
// restart knows the last tick again all the same, and makes it no second time.
func TestRestartBetweenMilliseconds(t *testing.T) {
	dir := t.TempDir()
	created := midnight.Add(123_456_789 * time.Nanosecond)
	w := open(t, dir, created, nil)
	w.rule("r", "rate(10 minutes)")
	w.advance(12 * time.Minute)
	w.close()
	for _, restart := range []struct {
		name string
		at   time.Duration
		want int
	}{
		{"soon after the tick of minute 10", 12 * time.Minute, 0},
		{"once more", 13 * time.Minute, 0},
		{"when that of minute 20 was missed", 25 * time.Minute, 1},
		{"when that has been made up for", 26 * time.Minute, 0},
		{"after the clock was set back to the moment of the last", 20 * time.Minute, 0},
	} {
		w := open(t, dir, created.Add(restart.at), nil)
		w.advance(time.Second)
		w.close()
		if got := w.offsets("r"); len(got) != restart.want {
			t.Errorf("started %s, it ticked at minutes %v, want %d ticks", restart.name, got, restart.want)
		}
	}
}

// More rules than go into one transaction tick together.
func TestManyAtOnce(t *testing.T) {
	const rules = 2*batch + 1
	var mu sync.Mutex
	var sizes []int
	w := open(t, t.TempDir(), midnight, func(_ context.Context, ticks []Tick) error {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(ticks))
		return nil
	})
	var err error
	for i := range rules {
		// Regions have 300 rules each, if nobody asks for more.
		_, perr := w.rules.PutRule(t.Context(), rule.Rule{
			Region: fmt.Sprintf("region-%d", i/300), EventBusName: "default", Name: fmt.Sprintf("rule-%d", i), ScheduleExpression: "cron(* * * * ? *)",
		})
		err = errors.Join(err, perr)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute)
	mu.Lock()
	defer mu.Unlock()
	if want := []int{batch, batch, 1}; !slices.Equal(sizes, want) {
		t.Errorf("%d ticks were committed as %v, want %v", rules, sizes, want)
	}
	if got := len(w.ticks); got != rules {
		t.Errorf("%d ticks, want %d", got, rules)
	}
}

// jumping is a clock that is set by somebody, as a machine's is when it wakes
// or is corrected.
type jumping struct {
	mu    sync.Mutex
	now   time.Time
	rings chan time.Time
}

func (j *jumping) Now() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.now
}

func (j *jumping) NewAlarm() clock.Alarm { return j }
func (j *jumping) Set(time.Time)         {}
func (j *jumping) C() <-chan time.Time   { return j.rings }
func (j *jumping) Stop()                 {}

// A machine that sleeps misses ticks: the last is made up for if it is younger
// than the period. One whose clock is set back does not tick twice.
func TestJumps(t *testing.T) {
	w := open(t, t.TempDir(), midnight, nil)
	w.rule("r", "cron(0/10 8-9 * * ? *)")
	w.s.Stop()
	j := &jumping{now: midnight, rings: make(chan time.Time)}
	rested := make(chan struct{}, 1)
	s := New(Config{Rules: w.rules, Clock: j, Store: w.store, Put: w.commit, Rested: func() {
		select {
		case rested <- struct{}{}:
		default:
		}
	}})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for _, step := range []struct {
		name, to, next string
		want           []string
	}{
		{"on time", "01 08:00:00", "01 08:10:00", []string{"08:00"}},
		{"a little late", "01 08:10:29", "01 08:20:00", []string{"08:00", "08:10"}},
		{"slept through three; the last is younger than the period", "01 08:45:00", "01 08:50:00", []string{"08:00", "08:10", "08:40"}},
		{"set back", "01 08:05:00", "01 08:50:00", []string{"08:00", "08:10", "08:40"}},
		{"and on again", "01 08:50:00", "01 09:00:00", []string{"08:00", "08:10", "08:40", "08:50"}},
		{"slept until noon; the last is older than the period", "01 12:00:00", "02 08:00:00", []string{"08:00", "08:10", "08:40", "08:50"}},
	} {
		at := func(text string) time.Time {
			to, err := time.Parse("2006-01-02 15:04:05", "2026-01-"+text)
			if err != nil {
				t.Fatal(err)
			}
			return to
		}
		j.mu.Lock()
		j.now = at(step.to)
		j.mu.Unlock()
		j.rings <- j.Now()
		for !s.Idle() {
			<-rested
		}
		s.mu.Lock()
		next := s.next[0].due
		s.mu.Unlock()
		if !next.Equal(at(step.next)) {
			t.Errorf("%s: the next tick is due at %v, want %s", step.name, next, step.next)
		}
		var got []string
		for _, tick := range w.ticks {
			got = append(got, tick.At.Format("15:04"))
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: ticks of %v, want %v", step.name, got, step.want)
		}
	}
}

// A restart with a clock that is behind does not tick twice.
func TestRestartWithClockBehind(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, midnight, nil)
	w.rule("r", "rate(10 minutes)")
	w.advance(25 * time.Minute)
	w.close()
	w = open(t, dir, midnight.Add(12*time.Minute), nil)
	w.advance(30 * time.Minute)
	if got, want := w.offsets("r"), []float64{30, 40}; !slices.Equal(got, want) {
		t.Errorf("ticks at minutes %v after the restart, want %v", got, want)
	}
	if got := w.stored(); len(got) != 4 {
		t.Errorf("events of %v, want four", got)
	}
}
