package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bailey/internal/admin"
)

func TestLongDetailIsCutBetweenCharacters(t *testing.T) {
	const more = "... (--json shows all of it)"
	for before, want := range map[int]int{
		0:            maxShown / len("ü"),
		1:            (maxShown - 1) / len("ü"), // a character lies across the end
		maxShown - 1: 0,
	} {
		plain := strings.Repeat("a", before)
		got := shown([]byte(plain + strings.Repeat("ü", maxShown)))
		if want := plain + strings.Repeat("ü", want) + more; got != want {
			t.Errorf("after %d letters: got %d bytes that end in %q, want %d", before, len(got), got[len(got)-40:], len(want))
		}
	}
	if whole := strings.Repeat("ü", maxShown/len("ü")); shown([]byte(whole)) != whole {
		t.Error("a detail that is not too long was cut")
	}
}

// What an event came of is said with it, and with those of its deliveries that
// are of another event.
func TestPrintEventThatCameOfAnother(t *testing.T) {
	tests := []struct {
		name, envelope, original, delivered, of string
		want                                    []string
	}{
		{"of none", `{}`, "", "1", "", nil},
		{"a replay", `{"replay-name":"again"}`, "0", "1", "0", []string{"  replays  event 0, by replay again\n"}},
		{"a copy", `{}`, "0", "1", "0", []string{"  copy     of event 0, which another event bus handed on\n"}},
		{"with a copy", `{}`, "", "2", "1", []string{"  event    2, which came of event 1: bailey event 2\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			view := &admin.Event{EventID: "1", OriginalID: tt.original, Event: []byte(tt.envelope),
				Deliveries: []admin.Delivery{{EventID: tt.delivered, OriginalID: tt.of, Status: "delivered"}}}
			if err := printEvent(&terminal{out: &output{to: &out}}, view, time.Now()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "  replays") || strings.HasPrefix(line, "  copy") || strings.HasPrefix(line, "  event") {
					got = append(got, line)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q in\n%s", got, tt.want, out.String())
			}
		})
	}
}

// What holds a pending delivery back is said, and how to let it go.
func TestNextOfADeliveryThatIsHeldBack(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	probe := now.Add(time.Minute)
	for _, tt := range []struct {
		name string
		held *admin.HoldingEndpoint
		want string
	}{
		{"nothing", nil, "attempt 3, due since "},
		{"a pause", &admin.HoldingEndpoint{State: "paused"}, "attempt 3, once the API is resumed: it is paused. bailey resume orders"},
		{"an open circuit", &admin.HoldingEndpoint{State: "open", ProbeAt: &probe}, "attempt 3, once the API is well: its circuit is open, and is tried with one delivery at 2026-11-28 12:01:00"},
		{"an open circuit, tried at this moment", &admin.HoldingEndpoint{State: "open"}, "attempt 3, once the API is well: its circuit is open; bailey resume orders closes it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &admin.Delivery{API: "orders", Attempts: 2, NextAttemptAt: &now, Endpoint: tt.held}
			if got := next(d, now); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
