package admin_test

import (
	"fmt"
	"net/url"
	"testing"

	"bailey"
)

// Events are found by what is in them, also those that nothing matched.
func TestEvents(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	ids := map[string]string{}
	for name, source := range map[string]string{"A-1": "shop", "A-2": "elsewhere"} {
		results, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{{Source: source, DetailType: "Order", Detail: fmt.Appendf(nil, `{"orderId": %q, "total": 3}`, name)}})
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = results[0].ID.String()
	}
	for _, tt := range []struct {
		query url.Values
		want  []string
	}{
		{url.Values{"containing": {"A-1"}}, []string{"A-1"}},
		{url.Values{"pattern": {`{"detail": {"orderId": ["A-2"]}}`}}, []string{"A-2"}},
		{url.Values{"pattern": {`{"detail": {"total": [{"numeric": [">", 2]}]}}`}, "unmatched": {"true"}}, []string{"A-2"}},
		{url.Values{"containing": {"A-1"}, "unmatched": {"true"}}, nil},
		{url.Values{"eventBusName": {"other"}}, nil},
		{url.Values{"since": {"1h"}, "containing": {"A-2"}}, []string{"A-2"}},
	} {
		answer := w.ask("GET", "/events?"+tt.query.Encode(), "", 200)
		found := answer["events"].([]any)
		if len(found) != len(tt.want) {
			t.Errorf("%v: got %v, want %v", tt.query, found, tt.want)
			continue
		}
		for i, name := range tt.want {
			e := found[i].(map[string]any)
			if e["eventId"] != ids[name] || e["detailType"] != "Order" || e["eventBusName"] != "default" {
				t.Errorf("%v: got %v, want %s", tt.query, e, name)
			}
			if targets := e["targets"].([]any); len(targets) != map[string]int{"A-1": 1, "A-2": 0}[name] {
				t.Errorf("%v: got the targets %v", tt.query, targets)
			}
		}
	}
	for _, bad := range []string{"pattern=%7B", "unmatched=perhaps", "since=yesterday", "limit=0", "limit=1001", "next=x", "patern=%7B%7D"} {
		if answer := w.ask("GET", "/events?"+bad, "", 400); answer["message"] == "" {
			t.Errorf("%s: no reason is given", bad)
		}
	}
}
