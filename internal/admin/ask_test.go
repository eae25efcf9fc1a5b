package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"bailey"
	"bailey/internal/rule"
)

// The event that one asks about has exact names, those of an event or those of an
// entry, and all of it counts.
func TestAskWithAnEvent(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	if _, err := w.router.Rules().PutRule(t.Context(), rule.Rule{
		Region: "us-east-1", EventBusName: "default", Name: "all",
		EventPattern: `{"source": ["shop"], "detail-type": ["Order"], "time": [{"prefix": "2026-01-02T03:04:05"}], "resources": ["r"], "detail": {"n": [1]}}`,
	}); err != nil {
		t.Fatal(err)
	}
	const target = `"target": {"Id": "t", "Arn": "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders"}`
	for _, tt := range []struct {
		name, event string
		status      int
		want        string // in the reason, or in the refusal
	}{
		{"an event", `{"source": "shop", "detail-type": "Order", "time": "2026-01-02T03:04:05Z", "resources": ["r"], "detail": {"n": 1}}`, 200, ""},
		{"an entry", `{"Source": "shop", "DetailType": "Order", "Time": "2026-01-02T03:04:05Z", "Resources": ["r"], "Detail": "{\"n\": 1}"}`, 200, ""},
		{"an entry with its time in seconds", `{"Source": "shop", "DetailType": "Order", "Time": 1767323045, "Resources": ["r"], "Detail": "{\"n\": 1}"}`, 200, ""},
		{"an entry for a bus that is not there", `{"Source": "shop", "EventBusName": "nope"}`, 404, "nope does not exist"},
		{"names in another case", `{"SOURCE": "shop"}`, 400, `event has a member "SOURCE". An event has version, id, `},
		{"half an entry", `{"source": "shop", "DetailType": "Order"}`, 400, `event has a member "source"`},
		{"an unknown member", `{"source": "shop", "detailType": "Order"}`, 400, `event has a member "detailType"`},
		{"an entry with a detail that is no text", `{"Source": "shop", "Detail": {"n": 1}}`, 400, "event: "},
		{"an entry with a detail that is no JSON", `{"Source": "shop", "Detail": "n"}`, 400, "Detail is not a text with a JSON object"},
		{"an entry with no time", `{"Source": "shop", "Time": "noon"}`, 400, "event: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := w.ask("POST", "/explain", `{"rule": "all", "event": `+tt.event+`}`, tt.status)
			if tt.status != 200 {
				if message := fmt.Sprint(got["message"]); !strings.Contains(message, tt.want) {
					t.Errorf("got %s, want %s in it", message, tt.want)
				}
			} else if e := got["rules"].([]any)[0].(map[string]any); e["matched"] != true {
				t.Errorf("got %v", e)
			}
			if tt.status != 404 {
				w.ask("POST", "/preview", `{`+target+`, "event": `+tt.event+`}`, tt.status)
			}
		})
	}
	for _, body := range []string{
		`{"EVENT": {}}`, `{"event": {}, "Rule": "all"}`,
	} {
		w.ask("POST", "/explain", body, 400)
	}
	got := w.ask("POST", "/preview", `{"target": {"id": "t", "Arn": "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders"}, "event": {}}`, 400)
	if message := fmt.Sprint(got["message"]); !strings.Contains(message, `it has a member "id"; the name is "Id"`) {
		t.Errorf("got %s", message)
	}
}

// Where the rules of another region are asked, the answer says where rules are.
func TestExplainElsewhere(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	const want = "[map[eventBusName:default region:us-east-1 rules:2]]"
	got := w.ask("POST", "/explain", `{"region": "eu-west-1", "event": {"source": "shop"}}`, 200)
	if fmt.Sprint(got["elsewhere"]) != want || len(got["rules"].([]any)) != 0 {
		t.Errorf("got %v", got)
	}
	for _, body := range []string{
		`{"region": "eu-west-1", "rule": "orders", "event": {}}`, `{"region": "eu-west-1", "eventBusName": "nope", "event": {}}`,
	} {
		got := w.ask("POST", "/explain", body, 404)
		if message := fmt.Sprint(got["message"]); !strings.HasSuffix(message, "Rules there are: 2 on default in us-east-1.") || !strings.Contains(message, "eu-west-1") {
			t.Errorf("%s: got %s", body, message)
		}
	}
	if got := w.ask("POST", "/explain", `{"event": {"source": "shop"}}`, 200); got["elsewhere"] != nil {
		t.Errorf("got %v", got)
	}
}

// An event whose delivery waits for a paused API says so.
func TestEventOfAPausedAPI(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	w.ask("POST", "/endpoints/orders/pause", "", 200)
	id := w.put()
	d := w.ask("GET", "/events/"+id, "", 200)["deliveries"].([]any)[0].(map[string]any)
	if got := fmt.Sprint(d["status"], d["endpoint"]); got != "pendingmap[state:paused]" {
		t.Errorf("got %s", got)
	}
	w.ask("POST", "/endpoints/orders/resume", "", 200)
	d = w.ask("GET", "/events/"+id+"/wait", "", 200)["deliveries"].([]any)[0].(map[string]any)
	if d["status"] != "delivered" || d["endpoint"] != nil {
		t.Errorf("got %v", d)
	}
}
