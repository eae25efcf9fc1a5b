package admin_test

import (
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"bailey"
	"bailey/internal/admin"
)

// What a body holds does not come back at length, nor take much more memory
// than it has bytes.
func TestBombs(t *testing.T) {
	const (
		size       = 1 << 20
		answer     = 64 << 10
		allocation = 64 * size
	)
	w := newWorld(t, 200, bailey.Config{})
	filled := func(before, item, after string) string {
		return before + strings.TrimSuffix(strings.Repeat(item+",", size/(len(item)+1)), ",") + after
	}
	long := strings.Repeat("x", size)
	for _, tt := range []struct{ name, method, path, body string }{
		{"depth", "POST", "/explain", strings.Repeat("[", size)},
		{"an unknown member", "POST", "/explain", `{"` + long + `":1}`},
		{"an event with many members", "POST", "/explain", filled(`{"event":{"source":"s","detail":{"x":[`, "{}", `]}}}`)},
		{"an event with many resources", "POST", "/explain", filled(`{"event":{"source":"s","resources":[`, `""`, `]}}`)},
		{"a deep event", "POST", "/explain", `{"event":{"source":"s","detail":{"x":` + strings.Repeat("[", 9900) + strings.Repeat("]", 9900) + `}}}`},
		{"a bus with a long name", "POST", "/explain", `{"eventBusName":"` + long + `","event":{}}`},
		{"a rule with a long name", "POST", "/explain", `{"rule":"` + long + `","event":{}}`},
		{"a region with a long name", "POST", "/explain", `{"region":"` + long + `","event":{}}`},
		{"a long ARN", "POST", "/preview", `{"target":{"Id":"1","Arn":"` + long + `"},"event":{}}`},
		{"a long path", "POST", "/preview", `{"target":{"Id":"1","Arn":"arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders","InputPath":"$.` + long + `"},"event":{}}`},
		{"many path values", "POST", "/preview", filled(`{"target":{"Id":"1","Arn":"arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders","HttpParameters":{"PathParameterValues":[`, `""`, `]}},"event":{}}`)},
		{"an API with a long URL", "PUT", "/apis/x", `{"url":"` + long + `"}`},
		{"an API with a description of many values", "PUT", "/apis/x", filled(`{"url":"http://127.0.0.1:9","openapi":{"x":[`, "[]", `]}}`)},
		{"a long error code", "POST", "/dead-letters/purge", `{"errorCode":"` + long + `"}`},
		{"a long queue", "POST", "/dead-letters/purge", `{"queue":"` + long + `"}`},
		{"a long event id", "POST", "/dead-letters/redrive", `{"eventId":"` + long + `"}`},
		{"a long time", "POST", "/dead-letters/redrive", `{"since":"` + long + `"}`},
		{"a long duration", "POST", "/clock/advance", `{"by":"` + long + `"}`},
		{"a long parameter", "GET", "/deliveries?" + long, ""},
		{"a long path of the API", "GET", "/" + long, ""},
		{"a long pattern", "GET", "/events?pattern=" + strings.Repeat("[", size), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, admin.Prefix+tt.path, strings.NewReader(tt.body))
			rec := httptest.NewRecorder()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w.h.ServeHTTP(rec, r)
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > allocation || rec.Body.Len() > answer {
				t.Errorf("answered %d with %d bytes and took %d, want at most %d and %d: %.100s", rec.Code, rec.Body.Len(), taken, answer, allocation, rec.Body)
			}
		})
	}
}
