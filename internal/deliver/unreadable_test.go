package deliver

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/store"
)

// damage changes the store behind the server's back.
func (w *world) damage(script string, args ...any) {
	w.t.Helper()
	conn, err := sqlite.OpenConn(filepath.Join(w.dir, "bailey.db"), sqlite.OpenReadWrite)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA busy_timeout = 10000", nil); err != nil {
		w.t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(conn, script, &sqlitex.ExecOptions{Args: args}); err != nil {
		w.t.Fatal(err)
	}
	if conn.Changes() != 1 {
		w.t.Fatalf("%s changed %d rows, want 1", script, conn.Changes())
	}
	if err := conn.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// A delivery whose event cannot be read ends as INTERNAL_ERROR, and those behind
// it are sent.
func TestUnreadableEventHoldsNobodyUp(t *testing.T) {
	tests := []struct {
		name, damage string
		why          string
		letter       bool
	}{
		{"its id", `UPDATE event SET json = CAST(replace(CAST(json AS TEXT), '"id":"', '"id":"x') AS BLOB) WHERE key = ?`, "the event is damaged", true},
		{"another event's id", `UPDATE event SET json = CAST(replace(CAST(json AS TEXT), '"id":"0', '"id":"1') AS BLOB) WHERE key = ?`, "is not the one that it is kept by", true},
		{"its detail", `UPDATE event SET json = CAST(replace(CAST(json AS TEXT), '"n": 0', '"n": x') AS BLOB) WHERE key = ?`, "it is not JSON", true},
		{"its other id", "UPDATE event SET self = x'0102' WHERE key = ?", "second id of an event is damaged", true},
		{"missing", "DELETE FROM event WHERE key = ?", "the event is missing", false},
		{"its target", "UPDATE delivery SET route = 4711 WHERE event = ?", "nobody knows its target", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				box := &inbox{answer: status(200)}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api"})
				w.target("api")
				at := store.Endpoint{API: "api"}
				if err := w.d.Pause(t.Context(), at); err != nil {
					t.Fatal(err)
				}
				var details []string
				for i := range 5 {
					details = append(details, fmt.Sprintf(`{"n": %d}`, i))
				}
				ids := w.put("api", details...)
				w.damage(tt.damage, ids[0].Key())
				if err := w.d.Resume(t.Context(), at); err != nil {
					t.Fatal(err)
				}
				for _, id := range ids[1:] {
					if d := w.ended(id); d.Status != store.Delivered {
						t.Errorf("%s behind it: got %+v, want it delivered", id, d)
					}
				}
				dead := w.endedKey(ids[0].Key())
				if dead.Status != store.Dead || dead.ErrorCode != string(retry.InternalError) || !strings.Contains(dead.Error, tt.why) {
					t.Errorf("got %+v, want it dead for %q", dead, tt.why)
				}
				if n := len(box.arrivals()); n != 4 {
					t.Errorf("%d requests, want those of the 4 that can be read", n)
				}
				if got := w.store.Unreadable(); got != 1 {
					t.Errorf("%d rows were counted, want 1", got)
				}
				if letters := w.deadLetters(); tt.letter != (len(letters) == 1) {
					t.Errorf("dead letters: %+v", letters)
				}
			})
		})
	}
}

// endedKey waits until the first delivery of the event with the key has ended.
func (w *world) endedKey(key int64) store.Delivery {
	w.t.Helper()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		dead := store.Dead
		all, _, err := w.store.Deliveries(w.t.Context(), store.Query{Status: &dead})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range all {
			if d.Event.Key() == key {
				return d
			}
		}
		<-changed
	}
}

// A probe that cannot be read does not keep the circuit open.
func TestUnreadableProbe(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		api := newOutage()
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		ids := w.put("api", numbered(60)...)
		time.Sleep(2 * tripTime)
		api.down.Store(true)
		if s := w.endpointStatus("api"); s.State != "open" || s.Waiting != 60 {
			t.Fatalf("in the outage: %+v", s)
		}
		for _, id := range ids[:30] {
			w.damage("UPDATE event SET json = CAST('{' AS BLOB) WHERE key = ?", id.Key())
		}
		api.up.Store(true)
		for _, id := range ids[30:] {
			if d := w.ended(id); d.Status != store.Delivered {
				t.Fatalf("got %+v, want it delivered once the circuit has closed", d)
			}
		}
		for _, id := range ids[:30] {
			if d := w.endedKey(id.Key()); d.ErrorCode != string(retry.InternalError) {
				t.Errorf("got %+v", d)
			}
		}
	})
}
