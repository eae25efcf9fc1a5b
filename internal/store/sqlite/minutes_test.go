package sqlite_test

import (
	"fmt"
	"slices"
	"testing"

	"bailey/internal/store"
)

func TestMinutes(t *testing.T) {
	s := open(t, t.TempDir())
	var (
		a      = store.Series{Region: "r", Bus: "b", Rule: "a"}
		b      = store.Series{Region: "r", Bus: "b", Rule: "b"}
		c      = store.Series{Region: "r", Bus: "c", Rule: "a"}
		bus    = store.Series{Region: "r", Bus: "b"}
		region = store.Series{Region: "r"}
		other  = store.Series{Region: "r2", Bus: "b", Rule: "a"}
	)
	put := func(at int64, all ...store.Series) {
		t.Helper()
		var minutes []store.Minute
		for _, of := range all {
			minutes = append(minutes, store.Minute{Series: of, At: at, Body: fmt.Appendf(nil, "%d", at), Latest: fmt.Appendf(nil, "<%d", at)})
		}
		if err := s.PutMinutes(t.Context(), minutes); err != nil {
			t.Fatal(err)
		}
	}
	put(10, a, b, c, bus, region, other)
	put(11, a)
	put(11, a) // the rest of it, after a restart
	put(12, b)

	for _, tt := range []struct {
		name string
		q    store.MinuteQuery
		want []string
	}{
		{"a rule", store.MinuteQuery{Bus: "b", Rule: "a", To: 99}, []string{"b/a 10", "b/a 11", "b/a 11"}},
		{"from", store.MinuteQuery{Bus: "b", Rule: "a", From: 11, To: 99}, []string{"b/a 11", "b/a 11"}},
		{"to", store.MinuteQuery{Bus: "b", Rule: "a", To: 11}, []string{"b/a 10"}},
		{"the rules of a bus", store.MinuteQuery{Bus: "b", AllRules: true, To: 12}, []string{"b/a 10", "b/a 11", "b/a 11", "b/b 10"}},
		{"all rules", store.MinuteQuery{AllBuses: true, AllRules: true, To: 11}, []string{"b/a 10", "b/b 10", "c/a 10"}},
		{"a bus", store.MinuteQuery{Bus: "b", To: 99}, []string{"b/ 10"}},
		{"a region", store.MinuteQuery{To: 99}, []string{"/ 10"}},
		{"nothing", store.MinuteQuery{Bus: "x", To: 99}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Region = "r"
			var got []string
			err := s.Minutes(t.Context(), tt.q, func(m store.Minute) error {
				if !tt.q.Selects(m.Series) {
					t.Errorf("the query does not select %v", m.Series)
				}
				got = append(got, fmt.Sprintf("%s/%s %s", m.Series.Bus, m.Series.Rule, m.Body))
				return nil
			})
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			for _, of := range []store.Series{a, b, c, bus, region, other} {
				if line := of.Bus + "/" + of.Rule + " 10"; of != other && tt.q.From == 0 && tt.q.Selects(of) != slices.Contains(got, line) {
					t.Errorf("the query selects %v: %v, and got %q", of, tt.q.Selects(of), got)
				}
			}
		})
	}

	latest := func() (all []string) {
		t.Helper()
		if err := s.Series(t.Context(), func(of store.Series, latest []byte) error {
			all = append(all, fmt.Sprintf("%s/%s/%s %s", of.Region, of.Bus, of.Rule, latest))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	if got, want := latest(), []string{"r// <10", "r/b/ <10", "r/b/a <11", "r/b/b <12", "r/c/a <10", "r2/b/a <10"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := s.ForgetMinutes(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	if got, want := latest(), []string{"r/b/a <11", "r/b/b <12"}; !slices.Equal(got, want) {
		t.Errorf("after minute 10 was forgotten: got %q, want %q", got, want)
	}
}
