package sqlite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// No list sorts what it reads: the newest page would have to read all.
func TestListsSortNothing(t *testing.T) {
	s := open(t, t.TempDir())
	pending, delivered, dead := store.Pending, store.Delivered, store.Dead
	for name, tt := range map[string]struct {
		status *store.Status
		want   string
	}{
		"all":       {nil, "SEARCH delivery USING PRIMARY KEY (event>? AND event<?)\n"},
		"delivered": {&delivered, "SEARCH delivery USING PRIMARY KEY (event>? AND event<?)\n"},
		"pending":   {&pending, "SEARCH delivery USING INDEX delivery_open (status=? AND event>? AND event<?)\n"},
		"dead":      {&dead, "SEARCH delivery USING INDEX delivery_open (status=? AND event>? AND event<?)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := s.Plan(tt.status)
			if err != nil || plan != tt.want {
				t.Errorf("got %q, %v, want %q", plan, err, tt.want)
			}
		})
	}
}

// A page of any list looks at a bounded part of a store, whatever it is to find,
// and all pages together have all of it, once and in order.
func TestListsLookAtABoundedPart(t *testing.T) {
	const n = 2*sqlite.SearchRows + 5000
	s, newest := largeStore(t, n, 100)
	pending, delivered, dead := store.Pending, store.Delivered, store.Dead
	for _, tt := range []struct {
		name  string
		query store.Query
		want  int
		// pages is how many of 1,000 there are, more where most is passed over.
		pages int
	}{
		{"all", store.Query{}, n + 100, 46},
		{"a rule", store.Query{Rule: "toys"}, 1, 3},
		{"an API", store.Query{API: "others"}, n / 1000, 3},
		{"delivered, of an API", store.Query{API: "others", Status: &delivered}, 0, 3},
		{"nothing by that name", store.Query{Rule: "nobody"}, 0, 1},
		{"pending", store.Query{Status: &pending}, n/1000 + 2 + 100, 1},
		{"dead", store.Query{Status: &dead}, n/100 - 1, 1},
		{"an event", store.Query{Event: &newest}, 1, 1},
		{"since", store.Query{Since: noon.Add((n - 10) * time.Millisecond)}, 110, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, found, pages := tt.query, 0, 0
			q.Limit = 1000
			last := event.KeyAt(noon.AddDate(1, 0, 0))
			for {
				page, next, err := s.Deliveries(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range page {
					if d.Event.Key() >= last {
						t.Fatalf("%v comes after an event as old as it", d.Event)
					}
					last = d.Event.Key()
				}
				found, pages = found+len(page), pages+1
				if next == "" {
					break
				}
				q.Next = next
			}
			if found != tt.want || pages != tt.pages {
				t.Errorf("got %d deliveries on %d pages, want %d on %d", found, pages, tt.want, tt.pages)
			}
		})
	}
}

// One event with more deliveries than a page looks at is read to its end.
func TestListsOfAnEventWithManyDeliveries(t *testing.T) {
	s := open(t, t.TempDir())
	var many []store.Fresh
	for i := range sqlite.SearchRows + 10 {
		route := petsRoute
		route.Target = fmt.Sprint(i % 3)
		many = append(many, store.Fresh{Route: route, Endpoint: petsStage, Parked: true})
	}
	old, young := record(noon, store.Fresh{Route: toysRoute, Endpoint: otherStage, Parked: true}), record(noon.Add(time.Second), many...)
	put(t, s, old, young)
	for _, q := range []store.Query{{Limit: 1000}, {Limit: 1000, Rule: "toys"}, {Limit: 1000, Event: &young.Event.ID}} {
		found, pages := 0, 0
		for ; ; pages++ {
			if pages > 100 {
				t.Fatalf("%+v: the list does not end", q)
			}
			page, next, err := s.Deliveries(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				if q.Rule == "" && found < len(many) && d.N != found {
					t.Fatalf("delivery %d comes after %d others", d.N, found)
				}
				found++
			}
			if next == "" {
				break
			}
			q.Next = next
		}
		want := map[bool]int{true: 1, false: len(many)}[q.Rule != ""]
		if q.Rule == "" && q.Event == nil {
			want++
		}
		if found != want {
			t.Errorf("%+v: got %d deliveries, want %d", q, found, want)
		}
	}
}

// A page of dead letters looks at so many, and says where the next begins.
func TestDeadLettersLookAtABoundedPart(t *testing.T) {
	s, _ := largeStore(t, 2*sqlite.SearchLetters+100, 1)
	for _, tt := range []struct {
		query store.Undelivered
		want  int
		pages int
	}{
		{store.Undelivered{Rule: "toys"}, 0, 3},
		{store.Undelivered{ErrorCode: "NO_SUCH", Queue: "arn:q"}, 0, 3},
		{store.Undelivered{Queue: "arn:other"}, 0, 1},
	} {
		found, pages := 0, 1
		for after := int64(0); ; pages++ {
			page, next, err := s.DeadLetterPage(t.Context(), tt.query, after, 100)
			if err != nil {
				t.Fatal(err)
			}
			if found += len(page); next == 0 {
				break
			}
			if next <= after {
				t.Fatalf("the page after %d is followed by the one after %d", after, next)
			}
			after = next
		}
		if found != tt.want || pages != tt.pages {
			t.Errorf("%s: got %d letters on %d pages, want %d on %d", strings.TrimSpace(tt.query.Rule+" "+tt.query.Queue), found, pages, tt.want, tt.pages)
		}
	}
}
