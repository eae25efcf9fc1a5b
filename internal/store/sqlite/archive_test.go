package sqlite_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// kept is a record for archives whose event has a time of its own.
func kept(at, own time.Time, archives ...string) *store.Record {
	r := record(at)
	r.Archived = &store.Archived{Archives: archives, Time: own, Size: 10}
	return r
}

func totals(t *testing.T, s *sqlite.Store, archive string) string {
	t.Helper()
	events, size, err := s.ArchiveTotals(t.Context(), archive)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(events, " events of ", size)
}

// TestArchive puts events in no order of time: they are read in order of time,
// page by page, between two moments.
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := make([]string, 7)
	for _, i := range []int{3, 0, 6, 1, 5, 2, 4} {
		r := kept(noon, noon.Add(time.Duration(i/2)*time.Minute), "a")
		want[i] = string(r.Event.JSON)
		put(t, s, r)
	}
	// Those of one moment come in the order in which they were put.
	want[2], want[3], want[4], want[5] = want[3], want[2], want[5], want[4]
	put(t, s, kept(noon, noon, "b"), kept(noon, noon, "a", "b"))
	if got := totals(t, s, "a"); got != "8 events of 80" {
		t.Errorf("archive a holds %s", got)
	}
	if got := totals(t, s, "never"); got != "0 events of 0" {
		t.Errorf("an archive that never had any holds %s", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := totals(t, s, "b"); got != "2 events of 20" {
		t.Errorf("archive b holds %s", got)
	}
	for _, limit := range []int{1, 2, 100} {
		var got []string
		var mark store.ReplayMark
		for {
			page, err := s.Archived(t.Context(), "a", noon.Add(time.Minute), noon.Add(2*time.Minute+time.Millisecond), mark, limit, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, string(e.JSON))
				mark.Time, mark.No = e.Time, e.No
			}
		}
		if !slices.Equal(got, want[2:6]) {
			t.Errorf("with pages of %d, got\n%q\nwant\n%q", limit, got, want[2:6])
		}
	}
	// The end is exclusive.
	for until, n := range map[time.Duration]int{2*time.Minute + time.Millisecond: 4, 2 * time.Minute: 2, time.Minute + time.Millisecond: 2, time.Minute: 0} {
		page, err := s.Archived(t.Context(), "a", noon.Add(time.Minute), noon.Add(until), store.ReplayMark{}, 100, 1<<20)
		if err != nil || len(page) != n {
			t.Errorf("from a minute past until %v: got %d events, %v, want %d", until, len(page), err, n)
		}
	}
	// A page ends with the event that makes it large enough.
	page, err := s.Archived(t.Context(), "a", noon, noon.Add(time.Hour), store.ReplayMark{}, 100, 1)
	if err != nil || len(page) != 1 {
		t.Errorf("got %d events, %v, want the first", len(page), err)
	}
}

func TestForgetArchived(t *testing.T) {
	s := open(t, t.TempDir())
	var batch []*store.Record
	for i := range 1200 { // more than one transaction forgets
		batch = append(batch, kept(noon.Add(time.Duration(i)*time.Second), noon, "a"))
	}
	put(t, s, append(batch, kept(noon, noon, "b"))...)
	gone, err := s.ForgetArchived(t.Context(), "a", noon.Add(1100*time.Second))
	if err != nil || gone != 1100 {
		t.Errorf("forgot %d, %v, want 1100", gone, err)
	}
	if got := totals(t, s, "a"); got != "100 events of 1000" {
		t.Errorf("archive a holds %s", got)
	}
	if err := s.ForgetArchives(t.Context(), func(id string) bool { return id == "b" }); err != nil {
		t.Fatal(err)
	}
	for archive, want := range map[string]string{"a": "0 events of 0", "b": "1 events of 10"} {
		if got := totals(t, s, archive); got != want {
			t.Errorf("archive %s holds %s, want %s", archive, got, want)
		}
	}
	page, err := s.Archived(t.Context(), "a", noon, noon.Add(time.Hour), store.ReplayMark{}, 100, 1<<20)
	if err != nil || len(page) != 0 {
		t.Errorf("got %d events of an archive that was forgotten, %v", len(page), err)
	}
}

func TestReplayMark(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := record(noon)
	r.Replayed = &store.ReplayMark{Replay: "r", Time: noon, No: 7}
	put(t, s, r)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got, err := s.ReplayMark(t.Context(), "r"); err != nil || got != *r.Replayed {
		t.Errorf("got %+v, %v, want %+v", got, err, *r.Replayed)
	}
	if err := s.ForgetReplays(t.Context(), func(id string) bool { return id != "r" }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ReplayMark(t.Context(), "r"); err != nil || got != (store.ReplayMark{Replay: "r"}) {
		t.Errorf("got %+v, %v, want a mark of no event", got, err)
	}
}

// TestCopies stores an event and two copies of it, which have ids of their own
// and the original's in their envelopes.
func TestCopies(t *testing.T) {
	s := open(t, t.TempDir())
	original := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, original)
	all := []event.ID{original.Event.ID}
	for i := range 2 {
		at := noon.Add(time.Duration(i+1) * time.Hour)
		c := record(at, store.Fresh{Route: toysRoute, Endpoint: petsStage, Parked: i == 0}, store.Fresh{Route: petsRoute, Done: true})
		c.Event.JSON, c.Origin = original.Event.JSON, original.Event.ID
		put(t, s, c)
		all = append(all, c.Event.ID)
	}
	for i, id := range all {
		e, err := s.Event(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		origin := event.ID{}
		if i > 0 {
			origin = all[0]
		}
		if e.ID != id || e.Origin != origin || string(e.JSON) != string(original.Event.JSON) {
			t.Errorf("got %s, a copy of %s: %s", e.ID, e.Origin, e.JSON)
		}
	}
	// The original's id finds the deliveries of its copies too.
	for id, want := range map[event.ID]string{
		all[0]: "2/0 2/1 1/0 1/1 0/0",
		all[1]: "1/0 1/1",
		all[2]: "2/0 2/1",
	} {
		var got []string
		for _, d := range deliveries(t, s, store.Query{Event: &id}) {
			got = append(got, fmt.Sprintf("%d/%d", slices.Index(all, d.Event), d.N))
			if (d.Event != all[0]) != (d.Origin == all[0]) {
				t.Errorf("delivery %d of %s: got origin %s", d.N, d.Event, d.Origin)
			}
			if done := d.Route == petsRoute && d.Event != all[0]; done != (d.Status == store.Delivered) {
				t.Errorf("delivery %d of %s: got %s", d.N, d.Event, d.Status)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("got deliveries %q, want %q", got, want)
		}
	}
	settle(t, s, store.Outcome{Event: all[0].Key(), Route: petsRoute, Endpoint: petsStage, Ticket: original.Ticket, Status: store.Delivered, At: noon})
	due, _, _, err := s.Due(t.Context(), petsStage, noon.Add(time.Hour), store.Window{Most: 10})
	if err != nil || len(due) != 1 || due[0].Event.ID != all[1] {
		t.Errorf("got %+v due, %v, want the first copy's, by its own id", due, err)
	}
	// The original goes, and its id finds the newest copy.
	if _, err := s.Sweep(t.Context(), noon.Add(time.Minute), noon.Add(time.Minute), 0); err != nil {
		t.Fatal(err)
	}
	if e, err := s.Event(t.Context(), all[0]); err != nil || e.ID != all[2] {
		t.Errorf("got %+v, %v, want the newest copy", e, err)
	}
	if e, err := s.Event(t.Context(), all[1]); err != nil || e.ID != all[1] || e.Origin != all[0] {
		t.Errorf("got %+v, %v, want the first copy as it was", e, err)
	}
	unknown := all[0]
	unknown[15]++
	if _, err := s.Event(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an id that differs in its second half finds %v", err)
	}
}

// TestReplays stores an event, one that is a replay of it, and a copy of that:
// the replay has its own id in its envelope, and says of which event it is.
func TestReplays(t *testing.T) {
	s := open(t, t.TempDir())
	original := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true})
	replayed := record(noon.Add(time.Hour), store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true}, store.Fresh{Route: toysRoute, Endpoint: petsStage})
	replayed.Origin = original.Event.ID
	passedOn := record(noon.Add(2*time.Hour), store.Fresh{Route: toysRoute, Endpoint: petsStage, Parked: true})
	passedOn.Event.JSON, passedOn.Origin = replayed.Event.JSON, replayed.Event.ID
	put(t, s, original)
	put(t, s, replayed, passedOn)

	names := map[event.ID]string{{}: "none", original.Event.ID: "original", replayed.Event.ID: "replayed", passedOn.Event.ID: "copy"}
	origins := map[string]string{"original": "none", "replayed": "original", "copy": "replayed"}
	check := func(what string, id, origin event.ID, json []byte) {
		t.Helper()
		if got, want := names[origin], origins[names[id]]; got != want {
			t.Errorf("%s: the %s is of the %s, want the %s", what, names[id], got, want)
		}
		if json == nil {
			return
		}
		if in, err := event.IDOf(json); err != nil || (in == id) != (names[id] != "copy") {
			t.Errorf("%s: the %s has in its envelope the id of the %s, %v", what, names[id], names[in], err)
		}
	}
	for _, r := range []*store.Record{original, replayed, passedOn} {
		e, err := s.Event(t.Context(), r.Event.ID)
		if err != nil || e.ID != r.Event.ID {
			t.Fatalf("the %s: got %+v, %v", names[r.Event.ID], e, err)
		}
		check("read", e.ID, e.Origin, e.JSON)
	}
	listed, _, err := s.Events(t.Context(), store.EventQuery{Limit: 10})
	if err != nil || len(listed) != 3 {
		t.Errorf("got %d events listed, %v, want 3", len(listed), err)
	}
	for _, e := range listed {
		check("listed", e.ID, e.Origin, e.JSON)
	}
	for id, want := range map[event.ID]string{
		original.Event.ID: "replayed/0 replayed/1 original/0",
		replayed.Event.ID: "copy/0 replayed/0 replayed/1",
		passedOn.Event.ID: "copy/0",
	} {
		var got []string
		for _, d := range deliveries(t, s, store.Query{Event: &id}) {
			check("in the log", d.Event, d.Origin, nil)
			got = append(got, fmt.Sprintf("%s/%d", names[d.Event], d.N))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("by the id of the %s: got deliveries %q, want %q", names[id], got, want)
		}
	}
	due, _, _, err := s.Due(t.Context(), petsStage, noon.Add(3*time.Hour), store.Window{Most: 10})
	if err != nil || len(due) != 3 {
		t.Errorf("got %d deliveries due, %v, want 3", len(due), err)
	}
	for _, d := range due {
		if names[d.Event.ID] == "" {
			t.Errorf("a delivery of event %s is due, which nobody put", d.Event.ID)
		}
	}
}
