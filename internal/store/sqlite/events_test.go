package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
)

// Events are found newest first, a page at a time, and each once.
func TestEvents(t *testing.T) {
	s := open(t, t.TempDir())
	var names []string // newest first
	records := map[string]*store.Record{}
	for i := range 30 {
		at := noon.Add(time.Duration(i) * time.Minute)
		name := fmt.Sprintf("order-%02d", i)
		r := record(at)
		if i%3 == 0 {
			r = record(at, store.Fresh{Route: petsRoute, Endpoint: petsStage}, store.Fresh{Route: toysRoute, Endpoint: otherStage})
		}
		if i%5 == 0 {
			r.Bus = "other"
		}
		r.Event = event.New(r.Event.ID, &event.Entry{Source: "shop", DetailType: "order", Detail: fmt.Appendf(nil, `{"id": %q}`, name)}, "000000000000", "us-east-1", at)
		put(t, s, r)
		names, records[name] = append([]string{name}, names...), r
	}
	all := func(q store.EventQuery) (found []string) {
		t.Helper()
		for pages := 0; ; pages++ {
			page, next, err := s.Events(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				_, after, _ := bytes.Cut(e.JSON, []byte("order-"))
				name := "order-" + string(after[:2])
				found = append(found, name)
				want := records[name]
				if e.ID != want.Event.ID || e.Bus != want.Bus || e.Region != "us-east-1" || !e.Ingested.Equal(want.Event.Ingested) || len(e.Routes) != len(want.Deliveries) {
					t.Errorf("%s: got %+v", name, e)
				}
			}
			if next == "" {
				return found
			}
			if pages > 40 {
				t.Fatal("there is no last page")
			}
			q.Next = next
		}
	}
	where := func(keep func(i int) bool) (want []string) {
		for _, name := range names {
			var i int
			if _, err := fmt.Sscanf(name, "order-%d", &i); err != nil {
				t.Fatal(err)
			}
			if keep(i) {
				want = append(want, name)
			}
		}
		return want
	}
	for _, tt := range []struct {
		name string
		q    store.EventQuery
		want []string
	}{
		{"all", store.EventQuery{}, names},
		{"in pages of one", store.EventQuery{Limit: 1}, names},
		{"in pages of seven", store.EventQuery{Limit: 7}, names},
		{"of a bus", store.EventQuery{Bus: "other"}, where(func(i int) bool { return i%5 == 0 })},
		{"of another region", store.EventQuery{Region: "eu-west-1"}, nil},
		{"that went nowhere", store.EventQuery{Unmatched: true, Limit: 4}, where(func(i int) bool { return i%3 != 0 })},
		{"since", store.EventQuery{Since: noon.Add(25 * time.Minute)}, where(func(i int) bool { return i >= 25 })},
		{"that match", store.EventQuery{Match: func(e []byte) bool { return bytes.Contains(e, []byte(`"order-07"`)) }}, []string{"order-07"}},
		{"that match nothing", store.EventQuery{Match: func([]byte) bool { return false }}, nil},
	} {
		if got := all(tt.q); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("events %s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	if _, _, err := s.Events(t.Context(), store.EventQuery{Next: "x"}); !errors.Is(err, store.ErrToken) {
		t.Errorf("got %v, want ErrToken", err)
	}
}

// A page looks at so many events and no more, whatever it finds.
func TestEventsLooksAtFew(t *testing.T) {
	s := open(t, t.TempDir())
	const n = 6000
	records := make([]*store.Record, n)
	for i := range records {
		records[i] = record(noon)
	}
	put(t, s, records...)
	looked, pages := 0, 0
	q := store.EventQuery{Match: func([]byte) bool { looked++; return looked == n }}
	for {
		before := looked
		page, next, err := s.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if looked-before > 5000 {
			t.Errorf("a page looked at %d events", looked-before)
		}
		if next == "" {
			if len(page) != 1 || page[0].ID != records[0].Event.ID {
				t.Errorf("the last page has %d events, want the oldest", len(page))
			}
			break
		}
		if len(page) > 0 {
			t.Errorf("page %d has %d events", pages, len(page))
		}
		q.Next = next
	}
	if looked != n || pages != 2 {
		t.Errorf("%d events in %d pages, want %d in 2", looked, pages, n)
	}
}
