package admin_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"bailey"
	"bailey/internal/rule"
)

// A path that finds nothing is no failure, but it is marked wherever one looks.
func TestPathsThatFindNothing(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	target := rule.Target{
		ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:orders/prod/PUT/o",
		HTTPParameters: &rule.HTTPParameters{
			QueryStringParameters: map[string]string{"channel": "$.detail.chanel", "id": "$.detail.id"},
			HeaderParameters:      map[string]string{"X-Flag": "$.detail.flags[0]", "X-Channel": "$.detail.chanel"},
		},
		InputTransformer: &rule.InputTransformer{
			InputPathsMap: map[string]string{"who": "$.detail.costumer", "unused": "$.detail.unused", "id": "$.detail.id"},
			InputTemplate: `{"who": <who>, "id": <id>}`,
		},
	}
	if err := w.router.Rules().PutTargets(t.Context(), "us-east-1", "default", "orders", []rule.Target{target}); err != nil {
		t.Fatal(err)
	}
	want := []any{"$.detail.chanel found nothing", "$.detail.costumer found nothing", "$.detail.flags[0] found nothing"}
	asked, err := json.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	const detail = `"source": "shop", "detail-type": "d", "detail": {"id": "1"}`
	got := w.ask("POST", "/preview", `{"target": `+string(asked)+`, "event": {`+detail+`}}`, 200)
	if !reflect.DeepEqual(got["notes"], want) || got["body"] != `{"who": "", "id": "1"}` {
		t.Errorf("preview: got notes %v with body %v, want %v", got["notes"], got["body"], want)
	}
	results, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "d", Detail: []byte(`{"id": "1"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	put := results[0].ID
	delivery := w.ask("GET", "/events/"+put.String()+"/wait?timeout=10s", "", 200)["deliveries"].([]any)[0].(map[string]any)
	if delivery["status"] != "delivered" || !reflect.DeepEqual(delivery["notes"], want) {
		t.Errorf("event: got %v, want delivered with notes %v", delivery, want)
	}
	explained := w.ask("POST", "/explain", `{"rule": "orders", "event": {`+detail+`}}`, 200)["rules"].([]any)[0].(map[string]any)
	var notes []any
	for _, note := range explained["notes"].([]any) {
		if note.(map[string]any)["targetId"] == "api" {
			notes = append(notes, note.(map[string]any)["note"])
		}
	}
	if !reflect.DeepEqual(notes, want) {
		t.Errorf("explain: got %v, want %v", notes, want)
	}
}

// Explain and preview say which part of a template makes the input no JSON.
func TestInputThatIsNoJSON(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	target := rule.Target{
		ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:orders/prod/PUT/o",
		InputTransformer: &rule.InputTransformer{InputPathsMap: map[string]string{"text": "$.detail.text"}, InputTemplate: `[1, <text>]`},
	}
	if err := w.router.Rules().PutTargets(t.Context(), "us-east-1", "default", "orders", []rule.Target{target}); err != nil {
		t.Fatal(err)
	}
	asked, err := json.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	const (
		event  = `{"source": "shop", "detail-type": "d", "detail": {"text": "hello"}}`
		reason = "the value of <text>, at line 1, column 5 of the InputTemplate, is not JSON where it is put as text"
	)
	if got := w.ask("POST", "/preview", `{"target": `+string(asked)+`, "event": `+event+`}`, 422); got["error"] != "INVALID_JSON" || got["message"] != reason {
		t.Errorf("preview: got %v, want INVALID_JSON: %s", got, reason)
	}
	explained := w.ask("POST", "/explain", `{"rule": "orders", "event": `+event+`}`, 200)["rules"].([]any)[0].(map[string]any)
	found := slices.ContainsFunc(explained["notes"].([]any), func(note any) bool {
		return note.(map[string]any)["targetId"] == "api" && note.(map[string]any)["note"] == "INVALID_JSON: "+reason
	})
	if !found {
		t.Errorf("explain: got %v, want INVALID_JSON: %s", explained, reason)
	}
}
