package event

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestReplayed puts the name of a replay into envelopes whose other members try
// to look like the place where it goes.
func TestReplayed(t *testing.T) {
	const trap = `x","resources":["y`
	for _, tt := range []struct {
		name  string
		entry Entry
	}{
		{"plain", Entry{Source: "shop", DetailType: "Order", Detail: []byte(`{"a": 1}`)}},
		{"traps", Entry{Source: trap, DetailType: trap, Resources: []string{trap}, Detail: []byte(`{"x":1,"resources":["y"]}`)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			e := New(new(IDs).New(now), &tt.entry, "000000000000", "eu-west-1", now)
			id := new(IDs).New(now.Add(time.Hour))
			got, err := Replayed(id, e.JSON, `again "`)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(strings.Replace(string(e.JSON), e.ID.String(), id.String(), 1), `"region":"eu-west-1",`, `"region":"eu-west-1","replay-name":"again \"",`, 1)
			if string(got) != want || !json.Valid(got) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if in, err := IDOf(got); err != nil || in != id || in == e.ID {
				t.Errorf("got id %s, %v, want the new one", in, err)
			}
		})
	}
	if got, err := Replayed(ID{}, []byte(`{}`), "again"); err == nil {
		t.Errorf("something else was made into %s", got)
	}
}
