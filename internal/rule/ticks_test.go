package rule

import (
	"slices"
	"testing"
)

// A tick has the routes of its own rule first, then those of the others that
// match it, each once; a rule that is gone or disabled has no tick.
func TestAppendTickRoutes(t *testing.T) {
	r := newRegistry(t)
	for _, p := range []Rule{
		{Name: "own", ScheduleExpression: "rate(1 hour)", EventPattern: `{"source":["aws.events"]}`},
		{Name: "silent", ScheduleExpression: "rate(1 hour)"},
		{Name: "other", EventPattern: `{"source":["aws.events"]}`},
		{Name: "unlike", EventPattern: `{"source":["shop"]}`},
		{Name: "off", ScheduleExpression: "rate(1 hour)", EventPattern: `{"source":["aws.events"]}`, State: Disabled},
	} {
		p.Region = region
		if _, err := r.PutRule(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if p.Name == "silent" {
			continue
		}
		if err := r.PutTargets(t.Context(), region, "", p.Name, []Target{{ID: p.Name, ARN: "arn:aws:sqs:us-east-1:000000000000:q"}}); err != nil {
			t.Fatal(err)
		}
	}
	const tick = `{"source":"aws.events"}`
	tests := []struct {
		name string
		rule Key
		want []string
		ok   bool
	}{
		{"its own and another", Key{region, "default", "own"}, []string{"own", "other"}, true},
		{"no target of its own", Key{region, "default", "silent"}, []string{"other", "own"}, true},
		{"disabled", Key{region, "default", "off"}, nil, false},
		{"deleted", Key{region, "default", "gone"}, nil, false},
		{"a bus that is gone", Key{region, "gone", "own"}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			routes, ok := r.AppendTickRoutes(nil, tt.rule, []byte(tick))
			var got []string
			for _, route := range routes {
				got = append(got, route.Key.Target)
			}
			if tt.name == "no target of its own" {
				slices.Sort(got) // those that match are in no said order
				slices.Sort(tt.want)
			}
			if !slices.Equal(got, tt.want) || ok != tt.ok {
				t.Errorf("got %v, %v; want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
