package sqlite_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
	sqlitestore "bailey/internal/store/sqlite"
)

// largeStore fills a store with deliveries, one of an event each: of deadOf
// one is dead, with a message in a queue, and of a thousand one waits for the
// endpoint others. The newest hundred have no row yet. It returns the newest
// event.
func largeStore(tb testing.TB, deliveries, deadOf int) (*sqlitestore.Store, event.ID) {
	tb.Helper()
	s, err := sqlitestore.Open(sqlitestore.Config{Dir: tb.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	fill := new(event.IDs)
	of := func(i int, d ...store.Fresh) *store.Record {
		e := event.New(fill.New(noon.Add(time.Duration(i)*time.Millisecond)), &event.Entry{Source: "shop", DetailType: "order", Detail: fmt.Appendf(nil, `{"n":%d}`, i)}, "000000000000", "us-east-1", noon)
		return &store.Record{Event: e, Region: "us-east-1", Bus: "default", Deliveries: d}
	}
	// The names, and rows that the others are like.
	first := []*store.Record{
		of(0, store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true}),
		of(1, store.Fresh{Route: toysRoute, Endpoint: otherStage, Parked: true}),
		of(2, store.Fresh{Route: petsRoute, Endpoint: store.Endpoint{API: "others", Stage: "prod"}, Parked: true}),
	}
	if err := s.Put(tb.Context(), first); err != nil {
		tb.Fatal(err)
	}
	const chunk = 20000
	for from := 3; from < deliveries; from += chunk {
		err := s.OnWriter(func(conn *sqlite.Conn) error {
			for i := from; i < min(from+chunk, deliveries); i++ {
				r := of(i)
				key := r.Event.ID.Key()
				err := sqlitex.Execute(conn, "INSERT INTO event (key, bus, ingested, routes, json) SELECT ?, bus, ?, routes, ? FROM event WHERE key = ?",
					&sqlitex.ExecOptions{Args: []any{key, r.Event.Ingested.UnixMilli(), r.Event.JSON, first[0].Event.ID.Key()}})
				if err != nil {
					return err
				}
				like, status, due := first[0], 1, any(nil)
				switch {
				case i%1000 == 1:
					like, status, due = first[2], 0, any(noon.UnixMilli())
				case i%deadOf == 0:
					status = 2
				}
				err = sqlitex.Execute(conn, "INSERT INTO delivery (event, n, route, endpoint, status, attempts, at, due, latency_us, status_code, queued) SELECT ?, 0, route, endpoint, ?, 1, ?, ?, 1000, 200, ? FROM delivery WHERE event = ?",
					&sqlitex.ExecOptions{Args: []any{key, status, r.Event.Ingested.UnixMilli(), due, map[bool]any{true: 1}[status == 2], like.Event.ID.Key()}})
				if err != nil {
					return err
				}
				if status != 2 {
					continue
				}
				err = sqlitex.Execute(conn, "INSERT INTO dead_letter (queue, event, n, at, rule_arn, target_arn, error_code, error_message, retry_attempts, body) VALUES ('arn:q', ?, 0, ?, 'r', 't', 'TIMEOUT', 'late', 1, ?)",
					&sqlitex.ExecOptions{Args: []any{key, r.Event.Ingested.UnixMilli(), r.Event.JSON}})
				if err != nil {
					return err
				}
			}
			return sqlitex.Execute(conn, "UPDATE mark SET key = (SELECT max(key) FROM event)", nil)
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	var last *store.Record
	for i := range 100 {
		last = of(deliveries+i, store.Fresh{Route: petsRoute, Endpoint: petsStage})
		if err := s.Put(tb.Context(), []*store.Record{last}); err != nil {
			tb.Fatal(err)
		}
	}
	return s, last.Event.ID
}

// lists are all lists of the admin API with all their filters. Each reads a
// page, and says how many it found and whether there are more.
func lists(s *sqlitestore.Store, newest event.ID, since time.Time) map[string]func(context.Context) (int, bool, error) {
	all := map[string]func(context.Context) (int, bool, error){}
	pending, delivered, dead := store.Pending, store.Delivered, store.Dead
	for name, q := range map[string]store.Query{
		"deliveries":                {},
		"deliveries/limit=1000":     {Limit: 1000},
		"deliveries/event":          {Event: &newest},
		"deliveries/rule":           {Rule: "pets"},
		"deliveries/rare_rule":      {Rule: "toys"},
		"deliveries/target":         {Target: "api"},
		"deliveries/rare_api":       {API: "others"},
		"deliveries/api":            {API: "petstore"},
		"deliveries/unknown_api":    {API: "nobody"},
		"deliveries/pending":        {Status: &pending},
		"deliveries/delivered":      {Status: &delivered},
		"deliveries/dead":           {Status: &dead},
		"deliveries/dead,rare_rule": {Status: &dead, Rule: "toys"},
		"deliveries/since":          {Since: since},
		"deliveries/old_page":       {Next: fmt.Sprintf("%x.0", event.KeyAt(noon.Add(time.Minute)))},
	} {
		all[name] = func(ctx context.Context) (int, bool, error) {
			page, next, err := s.Deliveries(ctx, q)
			return len(page), next != "", err
		}
	}
	for name, q := range map[string]store.EventQuery{
		"events":           {},
		"events/unmatched": {Unmatched: true},
		"events/text":      {Match: func([]byte) bool { return false }},
		"events/since":     {Since: since},
	} {
		all[name] = func(ctx context.Context) (int, bool, error) {
			page, next, err := s.Events(ctx, q)
			return len(page), next != "", err
		}
	}
	for name, q := range map[string]store.Undelivered{
		"dead_letters":            {},
		"dead_letters/queue":      {Queue: "arn:q"},
		"dead_letters/event":      {Event: &newest},
		"dead_letters/rule":       {Rule: "toys"},
		"dead_letters/api":        {API: "others"},
		"dead_letters/error_code": {ErrorCode: "NO_SUCH"},
		"dead_letters/since":      {Since: since},
		"dead_letters/until":      {Until: noon},
	} {
		all[name] = func(ctx context.Context) (int, bool, error) {
			page, next, err := s.DeadLetterPage(ctx, q, 0, 100)
			return len(page), next != 0, err
		}
	}
	all["queues"] = func(ctx context.Context) (int, bool, error) {
		page, err := s.DeadLetterQueues(ctx)
		return len(page), false, err
	}
	all["redrives"] = func(ctx context.Context) (int, bool, error) {
		page, err := s.Redrives(ctx)
		return len(page), false, err
	}
	all["endpoints"] = func(ctx context.Context) (int, bool, error) {
		page, err := s.Backlog(ctx)
		return len(page), false, err
	}
	all["event"] = func(ctx context.Context) (int, bool, error) {
		_, err := s.Event(ctx, newest)
		return 1, false, err
	}
	return all
}

// BenchmarkLists reads a page of every list in a store of two million
// deliveries.
func BenchmarkLists(b *testing.B) {
	if testing.Short() {
		b.Skip("it builds a store of two million deliveries")
	}
	const deliveries = 2_000_000
	s, newest := largeStore(b, deliveries, 100)
	for name, read := range lists(s, newest, noon.Add((deliveries-50)*time.Millisecond)) {
		b.Run(name, func(b *testing.B) {
			var slowest time.Duration
			for b.Loop() {
				began := time.Now()
				if _, _, err := read(b.Context()); err != nil {
					b.Fatal(err)
				}
				slowest = max(slowest, time.Since(began))
			}
			b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
		})
	}
}
