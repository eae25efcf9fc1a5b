package sqlite_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// openQuiet opens a store that is expected to complain.
func openQuiet(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(sqlite.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a test that cares closes it itself
	return s
}

// large is an event of about 100 KiB on a route of its own, so that names are
// given in the transaction that fails.
func large(route string) *store.Record {
	r := record(noon, store.Fresh{Route: store.Route{Region: "us-east-1", Bus: "default", Rule: route, Target: "api"}, Endpoint: petsStage})
	r.Event = event.New(r.Event.ID, &event.Entry{Source: "shop", DetailType: "order", Detail: fmt.Appendf(nil, `{"x": %q}`, strings.Repeat("x", 100<<10))}, "000000000000", "us-east-1", noon)
	return r
}

// unfinished opens what is in dir and returns the deliveries that a restart
// would make, and how often each.
func unfinished(t *testing.T, dir string) map[store.Ref]int {
	t.Helper()
	s := openQuiet(t, dir)
	backlog, err := s.Recover(t.Context(), func(store.Route, []byte) store.Endpoint { return petsStage })
	if err != nil {
		t.Fatal(err)
	}
	refs := map[store.Ref]int{}
	seen := map[store.Endpoint]bool{}
	for _, b := range backlog {
		if seen[b.Endpoint] {
			continue // one line for each route
		}
		seen[b.Endpoint] = true
		taken := map[store.Ref]struct{}{}
		for more := true; more; {
			var due []store.Parked
			due, _, more, err = s.Due(t.Context(), b.Endpoint, noon.Add(1000*time.Hour), store.Window{Most: 100_000, Skip: taken})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range due {
				ref := store.Ref{Event: d.Event.ID.Key(), N: d.N}
				taken[ref] = struct{}{}
				refs[ref]++
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return refs
}

// A disk that is full: Put answers FullError and keeps nothing, outcomes wait,
// and all goes on by itself when there is room.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	var taken []*store.Record
	for range 20 {
		r := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
		put(t, s, r)
		taken = append(taken, r)
	}
	limitPages := func(query string) {
		t.Helper()
		if err := s.OnWriter(func(conn *zombiezen.Conn) error { return sqlitex.ExecuteTransient(conn, query, nil) }); err != nil {
			t.Fatal(err)
		}
	}
	limitPages("PRAGMA max_page_count = 60")
	var refused []*store.Record
	for i := 0; len(refused) < 3; i++ {
		r := large(fmt.Sprintf("rule-%d", i))
		err := s.Put(t.Context(), []*store.Record{r})
		switch full, ok := errors.AsType[*store.FullError](err); {
		case err == nil && i < 100:
			taken = append(taken, r)
		case !ok:
			t.Fatalf("got %v, want a FullError", err)
		case zombiezen.ErrCode(full) != zombiezen.ResultFull:
			t.Fatalf("got the cause %v", full.Cause)
		default:
			refused = append(refused, r)
		}
	}
	if s.Failing() == nil {
		t.Error("the store does not say that it fails")
	}

	// Outcomes so long that they do not fit either.
	durable := make(chan int64, len(taken))
	for _, r := range taken {
		s.Settle(store.Outcome{
			Event: r.Event.ID.Key(), Route: r.Deliveries[0].Route, Endpoint: petsStage, Ticket: r.Ticket, Status: store.Dead, Attempts: 1, At: noon,
			ErrorCode: "ERROR_FROM_TARGET", Error: strings.Repeat("e", 40<<10), Failed: true,
			Durable: func(o *store.Outcome) { durable <- o.Event },
		})
	}
	if err := s.Put(t.Context(), []*store.Record{large("rule-x")}); err == nil { // a commit after the outcomes came
		t.Error("there was room")
	}
	select {
	case <-durable:
		t.Error("an outcome is said to be durable, and there was no room for it")
	default:
	}

	limitPages("PRAGMA max_page_count = 1000000")
	for range taken {
		<-durable // without anybody asking
	}
	again := large(refused[0].Deliveries[0].Route.Rule) // a name whose number was taken back
	put(t, s, again)
	if s.Failing() != nil {
		t.Errorf("the store says that it fails: %v", s.Failing())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openQuiet(t, dir)
	for _, r := range append(taken, again) {
		e, err := s.Event(t.Context(), r.Event.ID)
		if err != nil || e.Routes[0] != r.Deliveries[0].Route {
			t.Errorf("an event that was taken: %v, %+v", err, e)
		}
	}
	for _, r := range refused {
		if _, err := s.Event(t.Context(), r.Event.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an event that was refused: %v, want ErrNotFound", err)
		}
	}
	dead := store.Dead
	if n := len(deliveries(t, s, store.Query{Status: &dead, Limit: 1000})); n != len(taken) {
		t.Errorf("%d outcomes, want %d", n, len(taken))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := unfinished(t, dir); len(left) != 1 || left[store.Ref{Event: again.Event.ID.Key()}] != 1 {
		t.Errorf("unfinished: %v, want the one that came last", left)
	}
}

// Each kind of write fails while the others would succeed: a commit is whole
// or it is nothing, and what waits is written once the fault is gone.
func TestEachWriteFails(t *testing.T) {
	for _, table := range []string{"event", "delivery", "attempt", "dead_letter", "route", "endpoint", "bus", "mark", "document"} {
		t.Run(table, func(t *testing.T) {
			dir := t.TempDir()
			ids = new(event.IDs)
			s := openQuiet(t, dir)
			first := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
			put(t, s, first)
			behind(t, dir, "ALTER TABLE "+table+" RENAME TO elsewhere")

			// On a route, an endpoint and a bus that have no number yet.
			second := record(noon, store.Fresh{Route: toysRoute, Endpoint: otherStage, Parked: true}, store.Fresh{Route: toysRoute, Endpoint: otherStage})
			second.Bus = "other"
			putErr := s.Put(t.Context(), []*store.Record{second})
			applyErr := s.Apply(t.Context(), []store.Document{{Kind: "rule", Key: "a", Body: []byte("1")}})
			if full, ok := errors.AsType[*store.FullError](putErr); ok {
				t.Errorf("got %v, which is not what happened", full)
			}
			durable := make(chan struct{})
			s.Settle(store.Outcome{
				Event: first.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: first.Ticket, Status: store.Dead, Attempts: 1, At: noon,
				ErrorCode: "NO_RESOURCE", Failed: true, Durable: func(*store.Outcome) { close(durable) },
				DeadLetter: &store.DeadLetter{Queue: "arn:q", ErrorCode: "NO_RESOURCE", At: noon, Event: first.Event.ID, Body: first.Event.JSON},
			})
			third := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
			thirdErr := s.Put(t.Context(), []*store.Record{third}) // with the outcome, or after it
			failed := 0
			for _, err := range []error{putErr, applyErr, thirdErr} {
				if err != nil {
					failed++
				}
			}
			select {
			case <-durable: // the fault is not one of an outcome's
			default:
				failed++
			}
			if failed == 0 {
				t.Fatal("nothing failed")
			}

			behind(t, dir, "ALTER TABLE elsewhere RENAME TO "+table)
			<-durable
			fourth := record(noon, store.Fresh{Route: toysRoute, Endpoint: otherStage})
			put(t, s, fourth)
			if err := s.Failing(); err != nil {
				t.Errorf("the store says that it fails: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			want := map[store.Ref]int{{Event: fourth.Event.ID.Key()}: 1}
			if putErr == nil {
				want[store.Ref{Event: second.Event.ID.Key()}], want[store.Ref{Event: second.Event.ID.Key(), N: 1}] = 1, 1
			}
			if thirdErr == nil {
				want[store.Ref{Event: third.Event.ID.Key()}] = 1
			}
			if got := unfinished(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("unfinished: got %v, want %v", got, want)
			}
			s = openQuiet(t, dir)
			if e, err := s.Event(t.Context(), fourth.Event.ID); err != nil || e.Routes[0] != toysRoute || e.Bus != "default" {
				t.Errorf("the names given after the fault: %+v, %v", e, err)
			}
			for r, err := range map[*store.Record]error{second: putErr, third: thirdErr} {
				_, got := s.Event(t.Context(), r.Event.ID)
				if (err == nil) != (got == nil) {
					t.Errorf("Put answered %v, and afterwards the event: %v", err, got)
				}
			}
			letters := count(t, dir, "SELECT count(*) FROM dead_letter")
			attempts := count(t, dir, "SELECT count(*) FROM attempt")
			if letters != 1 || attempts != 1 {
				t.Errorf("%d dead letters and %d attempts, want one each, however often the outcome was tried", letters, attempts)
			}
		})
	}
}

// A log that ends anywhere, or is damaged anywhere, gives the commits before
// that point: all of them, each whole, and nothing of later ones.
func TestTornLog(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	wal := filepath.Join(dir, "bailey.db-wal")
	type commit struct {
		end  int64 // of the log, once it was acknowledged
		refs []store.Ref
	}
	var commits []commit
	for i := range 6 {
		var records []*store.Record
		var c commit
		for range 1 + i%3 {
			r := record(noon, store.Fresh{Route: store.Route{Rule: fmt.Sprint("r", i)}, Endpoint: petsStage}, store.Fresh{Route: toysRoute, Endpoint: petsStage, Parked: i%2 == 0})
			records = append(records, r)
			c.refs = append(c.refs, store.Ref{Event: r.Event.ID.Key(), N: 0}, store.Ref{Event: r.Event.ID.Key(), N: 1})
		}
		put(t, s, records...)
		info, err := os.Stat(wal)
		if err != nil {
			t.Fatal(err)
		}
		c.end = info.Size()
		commits = append(commits, c)
	}
	db, err := os.ReadFile(filepath.Join(dir, "bailey.db"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(wal)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(whole)) != commits[len(commits)-1].end {
		t.Fatalf("the log has %d bytes, want %d", len(whole), commits[len(commits)-1].end)
	}

	check := func(name string, log []byte, intact int64) {
		t.Helper()
		torn := t.TempDir()
		for file, content := range map[string][]byte{"bailey.db": db, "bailey.db-wal": log} {
			if err := os.WriteFile(filepath.Join(torn, file), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want := map[store.Ref]int{}
		for _, c := range commits {
			if c.end <= intact {
				for _, ref := range c.refs {
					want[ref]++
				}
			}
		}
		if got := unfinished(t, torn); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %d deliveries are there, want %d", name, len(got), len(want))
		}
	}
	const head, frameHead = 32, 24
	frame := int64(frameHead) + int64(binary.BigEndian.Uint32(whole[8:]))
	first := commits[0].end - (commits[0].end-head)%frame
	if (int64(len(whole))-head)%frame != 0 {
		t.Fatalf("the log of %d bytes is not made of frames of %d", len(whole), frame)
	}
	step := frame
	if testing.Short() {
		step *= 5
	}
	for at := first; at <= int64(len(whole)); at += step {
		check(fmt.Sprintf("cut at frame %d", (at-head)/frame), whole[:at], at)
		if at == int64(len(whole)) {
			break
		}
		check(fmt.Sprintf("cut within frame %d", (at-head)/frame+1), whole[:at+1+rand.Int64N(frame-1)], at)
		damaged := bytes.Clone(whole)
		damaged[at+rand.Int64N(frame)] ^= 0x10
		check(fmt.Sprintf("a bit of frame %d turned", (at-head)/frame+1), damaged, at)
		zeroed := bytes.Clone(whole)
		clear(zeroed[at:])
		check(fmt.Sprintf("nothing but zeros from frame %d on", (at-head)/frame+1), zeroed, at)
	}
}

// The image of a crash at any moment under load: everything acknowledged is
// there, what was said to be settled is settled, and everything else is to be
// delivered, exactly once.
func TestCrashImages(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	var mu sync.Mutex
	acknowledged, settled := map[store.Ref]bool{}, map[store.Ref]bool{}
	stop := make(chan struct{})
	var load sync.WaitGroup
	defer load.Wait()
	defer sync.OnceFunc(func() { close(stop) })()
	for w := range 4 {
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				r := record(noon.Add(time.Duration(i)*time.Millisecond), store.Fresh{Route: petsRoute, Endpoint: petsStage},
					store.Fresh{Route: toysRoute, Endpoint: petsStage, Parked: w == 0})
				if err := s.Put(t.Context(), []*store.Record{r}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for n := range r.Deliveries {
					acknowledged[store.Ref{Event: r.Event.ID.Key(), N: n}] = true
				}
				mu.Unlock()
				for n, d := range r.Deliveries {
					if rand.IntN(4) == 0 {
						continue // under way for ever
					}
					o := store.Outcome{Event: r.Event.ID.Key(), N: n, Route: d.Route, Endpoint: petsStage, Status: store.Delivered, Attempts: 1, At: noon, Durable: func(o *store.Outcome) {
						mu.Lock()
						settled[store.Ref{Event: o.Event, N: o.N}] = true
						mu.Unlock()
					}}
					if !d.Parked {
						o.Ticket = r.Ticket
					}
					s.Settle(o)
				}
			}
		})
	}
	for range 15 {
		image := t.TempDir()
		// What was told before the picture is taken must be in it.
		told, done := map[store.Ref]bool{}, map[store.Ref]bool{}
		err := s.OnWriter(func(*zombiezen.Conn) error {
			mu.Lock()
			for ref := range acknowledged {
				told[ref] = true
			}
			for ref := range settled {
				done[ref] = true
			}
			mu.Unlock()
			return picture(image, dir)
		})
		if err != nil {
			t.Fatal(err)
		}
		left := unfinished(t, image)
		for ref := range told {
			if want := 1; !done[ref] && left[ref] != want {
				t.Errorf("%v was acknowledged and not settled, and is to be delivered %d times", ref, left[ref])
			}
			if done[ref] && left[ref] != 0 {
				t.Errorf("%v was settled and is to be delivered again", ref)
			}
		}
	}
}

// A sweep that makes room looks at what is settled and then deletes it. An event
// that was stamped before those, and is committed in between, is on its way for
// the first time: it must stay, or a restart would not know of it (X9).
func TestSweepSparesLateEvents(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	late := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	done := record(noon.Add(time.Second), store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, done)
	settle(t, s, store.Outcome{Event: done.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: done.Ticket, Status: store.Delivered, Attempts: 1, At: noon})

	// The writer stands still while first the late event comes and then the
	// sweep, which looks without waiting.
	still, goOn := make(chan struct{}), make(chan struct{})
	var callers sync.WaitGroup
	callers.Go(func() {
		err := s.OnWriter(func(*zombiezen.Conn) error {
			close(still)
			<-goOn
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-still
	await := func(n int) {
		for s.Waiting() < n {
			runtime.Gosched()
		}
	}
	callers.Go(func() {
		if err := s.Put(context.Background(), []*store.Record{late}); err != nil {
			t.Error(err)
		}
	})
	await(1)
	callers.Go(func() {
		if _, err := s.Sweep(context.Background(), noon.Add(-time.Hour), noon.Add(-time.Hour), 1); err != nil {
			t.Error(err)
		}
	})
	await(2)
	close(goOn)
	callers.Wait()

	if _, err := s.Event(t.Context(), late.Event.ID); err != nil {
		t.Errorf("the late event: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := unfinished(t, dir); left[store.Ref{Event: late.Event.ID.Key()}] != 1 {
		t.Errorf("unfinished: %v, want the late event", left)
	}
}

// What waited for an API and stage, before routes were told apart, is found there,
// and moves to its route with its outcome.
func TestBacklogWithoutRoutes(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	behind(t, dir, "PRAGMA journal_mode = WAL")
	for i, script := range sqlite.Migrations()[:5] {
		behind(t, dir, script)
		behind(t, dir, fmt.Sprintf("PRAGMA user_version = %d", i+1))
	}
	behind(t, dir, "INSERT INTO route VALUES (1, 'us-east-1', 'default', 'pets', 'api')")
	behind(t, dir, "INSERT INTO bus VALUES (1, 'us-east-1', 'default')")
	behind(t, dir, "INSERT INTO endpoint VALUES (7, 'petstore', 'prod')")
	e := record(noon).Event
	behind(t, dir, fmt.Sprintf("INSERT INTO event (key, bus, ingested, routes, json) VALUES (%d, 1, %d, x'01', CAST('%s' AS BLOB))", e.ID.Key(), noon.UnixMilli(), e.JSON))
	behind(t, dir, fmt.Sprintf("INSERT INTO delivery (event, n, route, endpoint, status, attempts, at, due) VALUES (%d, 0, 1, 7, 0, 1, %d, %d)", e.ID.Key(), noon.UnixMilli(), noon.UnixMilli()))
	s := openQuiet(t, dir)
	old := store.Endpoint{API: "petstore", Stage: "prod"}
	due, _, _, err := s.Due(t.Context(), old, noon, store.Window{Most: 10})
	if err != nil || len(due) != 1 || due[0].Event.ID != e.ID {
		t.Fatalf("got %+v, %v, want the delivery", due, err)
	}
	durable := make(chan struct{})
	s.Settle(store.Outcome{
		Event: e.ID.Key(), Route: due[0].Route, Endpoint: old.With("POST /pets"), Status: store.Pending, Due: noon, At: noon,
		Durable: func(*store.Outcome) { close(durable) },
	})
	<-durable
	backlog, err := s.Backlog(t.Context())
	if err != nil || len(backlog) != 1 || backlog[0].Endpoint != old.With("POST /pets") || backlog[0].Endpoint.Whole() != old {
		t.Errorf("got %+v, %v, want it to wait for its route", backlog, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A store of each earlier version is brought up to date; one of a later
// version, or one whose migration fails, is left as it is.
func TestVersions(t *testing.T) {
	known := len(sqlite.Migrations())
	for version := range known + 1 {
		t.Run(fmt.Sprintf("from %d", version), func(t *testing.T) {
			dir := t.TempDir()
			ids = new(event.IDs)
			if version > 0 {
				behind(t, dir, "PRAGMA journal_mode = WAL")
			}
			for i, script := range sqlite.Migrations()[:version] {
				behind(t, dir, script)
				behind(t, dir, fmt.Sprintf("PRAGMA user_version = %d", i+1))
			}
			s := openQuiet(t, dir)
			put(t, s, record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if left := unfinished(t, dir); len(left) != 1 {
				t.Errorf("unfinished: %v", left)
			}
			if v := count(t, dir, "PRAGMA user_version"); v != known {
				t.Errorf("version %d, want %d", v, known)
			}
		})
	}
	for _, tt := range []struct{ name, script, want string }{
		{"newer", "PRAGMA user_version = 1000", "newer bailey"},
		{"not ours", "CREATE TABLE event (something TEXT)", "already exists"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			behind(t, dir, tt.script)
			version := count(t, dir, "PRAGMA user_version")
			s, err := sqlite.Open(sqlite.Config{Dir: dir})
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal that says %q", err, tt.want)
			}
			if v := count(t, dir, "PRAGMA user_version"); v != version {
				t.Errorf("it is version %d now, and was %d", v, version)
			}
			if n := count(t, dir, "SELECT count(*) FROM sqlite_schema WHERE name = 'mark'"); n != 0 {
				t.Error("something was written to it")
			}
		})
	}
}

// behind does something to the database behind the store's back.
func behind(t *testing.T, dir, script string) {
	t.Helper()
	conn, err := zombiezen.OpenConn(filepath.Join(dir, "bailey.db"), zombiezen.OpenReadWrite|zombiezen.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(script, "PRAGMA") || strings.HasPrefix(script, "ALTER") {
		err = sqlitex.ExecuteTransient(conn, script, nil)
	} else {
		err = sqlitex.ExecuteScript(conn, script, nil)
	}
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// count runs a query that returns one number.
func count(t *testing.T, dir, query string) int {
	t.Helper()
	conn, err := zombiezen.OpenConn(filepath.Join(dir, "bailey.db"), zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stmt, _, err := conn.PrepareTransient(query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stmt.Finalize() }()
	n, err := sqlitex.ResultInt(stmt)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// picture copies a store as it is at this moment.
func picture(to, from string) error {
	for _, name := range []string{"bailey.db", "bailey.db-wal"} {
		if err := copyFile(filepath.Join(to, name), filepath.Join(from, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// X9: what makes an acknowledged event durable is that a commit returns only
// when the log is synced. Nothing else in these tests would notice a commit that
// does not: the kernel keeps what a killed process wrote.
func TestCommitsAreSynced(t *testing.T) {
	const full, normal = 2, 1 // SQLite's numbers
	for _, tt := range []struct {
		name  string
		clock func() time.Time
		want  int
	}{
		{"on the machine's clock", nil, full},
		{"on a virtual clock, where nobody's events are", func() time.Time { return noon }, normal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), Clock: tt.clock})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.OnWriter(func(conn *zombiezen.Conn) error {
				if got, err := sqlitex.ResultInt(conn.Prep("PRAGMA synchronous")); err != nil || got != tt.want {
					t.Errorf("synchronous is %d, %v, want %d", got, err, tt.want)
				}
				if got, err := sqlitex.ResultText(conn.Prep("PRAGMA journal_mode")); err != nil || got != "wal" {
					t.Errorf("journal_mode is %q, %v, want wal", got, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
