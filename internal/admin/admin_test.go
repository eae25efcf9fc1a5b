package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/admin"
	"bailey/internal/rule"
)

// world is the admin API over a router whose target answers with a status.
type world struct {
	t      *testing.T
	router *bailey.Router
	h      http.Handler
	api    *httptest.Server
}

func newWorld(t *testing.T, status int, cfg bailey.Config) *world {
	t.Helper()
	cfg.Dir, cfg.Log = t.TempDir(), slog.New(slog.DiscardHandler)
	r, err := bailey.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, router: r}
	w.h = admin.Handler(admin.Config{Router: r, Account: "000000000000", Region: "us-east-1", Log: cfg.Log})
	w.api = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, "what the API said")
	}))
	t.Cleanup(w.api.Close)
	w.ask("PUT", "/apis/orders", fmt.Sprintf(`{"url": %q}`, w.api.URL), 201)
	for name, pattern := range map[string]string{"orders": `{"source": ["shop"]}`, "others": `{"source": ["elsewhere"]}`} {
		if _, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: "us-east-1", EventBusName: "default", Name: name, EventPattern: pattern}); err != nil {
			t.Fatal(err)
		}
	}
	err = r.Rules().PutTargets(t.Context(), "us-east-1", "default", "orders", []rule.Target{{
		ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders",
		DeadLetterConfig: &rule.DeadLetterConfig{ARN: "arn:aws:sqs:us-east-1:000000000000:dead"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ask calls the admin API and returns the answer's JSON, decoded.
func (w *world) ask(method, path, body string, status int) map[string]any {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, httptest.NewRequest(method, admin.Prefix+path, strings.NewReader(body)))
	if rec.Code != status {
		w.t.Errorf("%s %s: got %d %s, want %d", method, path, rec.Code, rec.Body, status)
	}
	if rec.Code == http.StatusNoContent {
		return nil
	}
	var answer map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		w.t.Fatalf("%s %s: %v: %s", method, path, err, rec.Body)
	}
	return answer
}

func (w *world) put() string {
	w.t.Helper()
	results, err := w.router.PutEvents(w.t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "d", Detail: []byte(`{"n": 1}`)}})
	if err != nil {
		w.t.Fatal(err)
	}
	return results[0].ID.String()
}

func TestAPIs(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	secret := `{"url": "http://127.0.0.1:9", "authorization": {"type": "API_KEY", "apiKey": "hush"}}`
	w.ask("PUT", "/apis/secret", secret, 201)
	w.ask("PUT", "/apis/secret", secret, 200)
	for _, path := range []string{"/apis", "/apis/secret"} {
		if got := fmt.Sprint(w.ask("GET", path, "", 200)); strings.Contains(got, "hush") || !strings.Contains(got, "API_KEY") {
			t.Errorf("GET %s shows %s", path, got)
		}
	}
	w.ask("DELETE", "/apis/secret", "", 204)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		part                     string
	}{
		{"unknown", "GET", "/apis/secret", "", 404, "not registered"},
		{"deleting what is not there", "DELETE", "/apis/secret", "", 404, "is not registered"},
		{"no JSON", "PUT", "/apis/x", `{`, 400, "not what is expected"},
		{"a misspelt member", "PUT", "/apis/x", `{"uri": "http://x"}`, 400, "uri"},
		{"two values", "PUT", "/apis/x", `{"url": "http://x"} {}`, 400, "more than one"},
		{"another id", "PUT", "/apis/x", `{"id": "y", "url": "http://x"}`, 400, "API y"},
		{"no URL", "PUT", "/apis/x", `{}`, 400, "url"},
		{"too large", "PUT", "/apis/x", `{"url": "` + strings.Repeat("x", 9<<20) + `"}`, 413, "bytes"},
		{"no such path", "POST", "/apis", `{}`, 404, "There is no POST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			if got := w.ask(tt.method, tt.path, tt.body, tt.status); !strings.Contains(fmt.Sprint(got["message"]), tt.part) {
				t.Errorf("got %v, want %q in it", got, tt.part)
			}
		})
	}
}

// The members that clients rely on.
func TestDeliveriesAndWait(t *testing.T) {
	w := newWorld(t, 404, bailey.Config{})
	id := w.put()
	view := w.ask("GET", "/events/"+id+"/wait?timeout=30s", "", 200)
	if view["settled"] != true {
		t.Errorf("got %v", view)
	}
	d := view["deliveries"].([]any)[0].(map[string]any)
	for name, want := range map[string]any{
		"eventId": id, "rule": "orders", "targetId": "api", "api": "orders", "status": "dead", "attempts": 1.0,
		"lastStatusCode": 404.0, "lastErrorCode": "ERROR_FROM_TARGET", "idempotencyKey": id + "/0",
	} {
		if d[name] != want {
			t.Errorf("%s: got %v, want %v", name, d[name], want)
		}
	}
	if e, _ := d["lastError"].(string); !strings.Contains(e, "what the API said") {
		t.Errorf("lastError: %q", e)
	}
	if n := len(d["failedAttempts"].([]any)); n != 1 {
		t.Errorf("%d failed attempts, want 1", n)
	}
	for query, want := range map[string]int{
		"": 1, "?eventId=" + id: 1, "?rule=orders": 1, "?rule=others": 0, "?target=api": 1, "?status=dead": 1,
		"?status=pending": 0, "?since=1h": 1, "?since=2099-01-01T00:00:00Z": 0, "?limit=1": 1, "?api=orders": 1,
	} {
		if got := len(w.ask("GET", "/deliveries"+query, "", 200)["deliveries"].([]any)); got != want {
			t.Errorf("GET /deliveries%s: %d, want %d", query, got, want)
		}
	}
	for _, query := range []string{"?eventId=x", "?status=lost", "?since=yesterday", "?limit=0", "?limit=x", "?next=x", "?ruel=orders"} {
		w.ask("GET", "/deliveries"+query, "", 400)
	}
	w.ask("GET", "/events/nonsense", "", 400)
	w.ask("GET", "/events/01936c5e-0000-7000-8000-000000000000", "", 404)
	w.ask("GET", "/events/"+id+"/wait?timeout=soon", "", 400)

	letters := w.ask("GET", "/dead-letters?queue=arn:aws:sqs:us-east-1:000000000000:dead", "", 200)["deadLetters"].([]any)
	if len(letters) != 1 {
		t.Fatalf("got %v", letters)
	}
	attributes := letters[0].(map[string]any)["attributes"].(map[string]any)
	for name, want := range map[string]string{
		"RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/orders", "ERROR_CODE": "ERROR_FROM_TARGET",
		"TARGET_ARN": "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders",
	} {
		if attributes[name] != want {
			t.Errorf("%s: got %v, want %s", name, attributes[name], want)
		}
	}
}

// Members that clients look for are there whatever the state, null where there
// is nothing to say, and an API that is not registered is named.
func TestDeliveryMembers(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world)
		want    map[string]any
	}{
		"delivered": {func(*world) {}, map[string]any{
			"status": "delivered", "api": "orders", "nextAttemptAt": nil, "lastStatusCode": 204.0, "lastErrorCode": nil, "lastError": nil,
		}},
		"not registered": {func(w *world) { w.ask("DELETE", "/apis/orders", "", 204) }, map[string]any{
			"status": "dead", "api": "orders", "nextAttemptAt": nil, "lastStatusCode": nil, "lastErrorCode": "NO_RESOURCE",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 204, bailey.Config{})
			c.prepare(w)
			d := w.ask("GET", "/events/"+w.put()+"/wait?timeout=30s", "", 200)["deliveries"].([]any)[0].(map[string]any)
			for member, want := range c.want {
				if got, there := d[member]; got != want || !there {
					t.Errorf("%s: got %v (there: %t), want %v", member, got, there, want)
				}
			}
			if latency, ok := d["latencyMs"].(float64); !ok || latency < 0 {
				t.Errorf("latencyMs: got %v", d["latencyMs"])
			}
		})
	}
}

// An OpenAPI document of the size that a registration takes arrives whole.
func TestLargeRegistration(t *testing.T) {
	w := newWorld(t, 204, bailey.Config{})
	document := `{"info": "` + strings.Repeat("x", 6<<20-20) + `"}`
	w.ask("PUT", "/apis/large", `{"url": "http://127.0.0.1:9000", "openapi": `+document+`}`, 201)
}

func TestWaitTimesOut(t *testing.T) {
	w := newWorld(t, 503, bailey.Config{})
	view := w.ask("GET", "/events/"+w.put()+"/wait?timeout=200ms", "", 408)
	if view["settled"] != false || len(view["deliveries"].([]any)) != 1 {
		t.Errorf("got %v", view)
	}
}

func TestPreview(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	target := `{"Id": "t", "Arn": "arn:aws:execute-api:us-east-1:000000000000:orders/prod/PUT/o/*", "HttpParameters": {
		"PathParameterValues": ["$.detail.id"], "QueryStringParameters": {"q": "a b"}, "HeaderParameters": {"X-A": "$.source"}}}`
	got := w.ask("POST", "/preview", `{"target": `+target+`, "event": {"source": "shop", "detail": {"id": "x/1"}}}`, 200)
	headers := got["headers"].(map[string]any)
	if got["method"] != "PUT" || got["url"] != w.api.URL+"/o/x%2F1?q=a%20b" || headers["X-A"] != "shop" || !strings.Contains(got["body"].(string), `"detail":{"id": "x/1"}`) {
		t.Errorf("got %v", got)
	}
	if notes, ok := got["notes"]; ok {
		t.Errorf("got notes %v where every path finds something", notes)
	}
	for _, tt := range []struct{ name, body, code string }{
		{"nothing for a path variable", `{"target": ` + target + `, "event": {"source": "shop", "detail": {}}}`, "INVALID_PARAMETER"},
		{"no such API", `{"target": {"Id": "t", "Arn": "arn:aws:execute-api:us-east-1:000000000000:nope/prod/GET/o"}, "event": {"source": "a"}}`, "NO_RESOURCE"},
	} {
		if got := w.ask("POST", "/preview", tt.body, 422); got["error"] != tt.code {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	for _, body := range []string{
		`{"target": ` + target + `}`, `{"target": ` + target + `, "event": []}`, `{"target": {"Id": "t", "Arn": "x"}, "event": {}}`,
		`{"target": ` + target + `, "event": {"source": 1}}`, `{"target": ` + target + `, "event": {}, "ruleArn": "x"}`,
	} {
		w.ask("POST", "/preview", body, 400)
	}
}

func TestExplain(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	if err := w.router.Rules().SetState(t.Context(), "us-east-1", "default", "others", rule.Disabled); err != nil {
		t.Fatal(err)
	}
	rules := w.ask("POST", "/explain", `{"event": {"source": "shop", "detail-type": "d", "detail": {}}}`, 200)["rules"].([]any)
	if len(rules) != 2 {
		t.Fatalf("got %v", rules)
	}
	first, second := rules[0].(map[string]any), rules[1].(map[string]any)
	if first["rule"] != "orders" || first["matched"] != true || second["matched"] != false || !strings.Contains(second["reason"].(string), "disabled") {
		t.Errorf("got %v", rules)
	}
	rules = w.ask("POST", "/explain", `{"rule": "orders", "event": {"source": "barn", "detail-type": "d", "detail": {}}}`, 200)["rules"].([]any)
	if len(rules) != 1 || rules[0].(map[string]any)["matched"] != false || !strings.Contains(rules[0].(map[string]any)["reason"].(string), "source") {
		t.Errorf("got %v, want the clause that failed", rules)
	}
	w.ask("POST", "/explain", `{"rule": "nope", "event": {}}`, 404)
	w.ask("POST", "/explain", `{"eventBusName": "nope", "event": {}}`, 404)
	w.ask("POST", "/explain", `{}`, 400)
}

func TestClock(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	w.ask("GET", "/clock", "", 200)
	if got := w.ask("POST", "/clock/advance", `{"by": "1h"}`, 409); got["error"] != "RealClock" {
		t.Errorf("got %v", got)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w = newWorld(t, 200, bailey.Config{Clock: bailey.NewVirtualClock(at)})
	if got := w.ask("POST", "/clock/advance", `{"by": "24h"}`, 200); got["now"] != "2026-01-02T00:00:00Z" {
		t.Errorf("got %v", got)
	}
	w.ask("POST", "/clock/advance", `{"by": "-1h"}`, 400)
	w.ask("POST", "/clock/advance", `{"by": "soon"}`, 400)
}

// Moving the clock takes as long as what is due on the way, and is not cut off by
// the server's own limit.
func TestAdvanceTakesItsTime(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))})
	server := httptest.NewUnstartedServer(w.h)
	server.Config.WriteTimeout = time.Nanosecond
	server.Start()
	defer server.Close()
	if resp, err := http.Get(server.URL + admin.Prefix + "/clock"); err == nil {
		_ = resp.Body.Close()
		t.Error("the limit of the test does not work")
	}
	resp, err := http.Post(server.URL+admin.Prefix+"/clock/advance", "application/json", strings.NewReader(`{"by": "1h"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got %d", resp.StatusCode)
	}
}

// A page of another origin cannot change anything through its visitor's
// browser.
func TestOtherOrigins(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	req := httptest.NewRequestWithContext(context.Background(), http.MethodDelete, admin.Prefix+"/apis/orders", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, req)
	if got := rec.Header(); rec.Code != http.StatusForbidden || got.Get("Content-Type") != "application/json" ||
		got.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(rec.Body.String(), `"error":"CrossOrigin"`) {
		t.Errorf("got %d %v %s, want 403 in JSON", rec.Code, got, rec.Body)
	}
	w.ask("GET", "/apis/orders", "", 200)
}
