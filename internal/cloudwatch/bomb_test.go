package cloudwatch

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// A small packed body has neither a large answer nor much memory for itself, in
// any of the protocols.
func TestBombs(t *testing.T) {
	const (
		size       = maxBody - 100
		answer     = 64 << 10
		allocation = 64 << 20
	)
	w := newWorld(t)
	long := func(before, item, after string) string {
		return before + strings.Repeat(item, (size-len(before)-len(after))/len(item)) + after
	}
	list := func(name, item string) string { return long(`{"`+name+`":[`, item+",", item+`]}`) }
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	aws := func(operation string) map[string]string {
		return map[string]string{"X-Amz-Target": targetPrefix + operation}
	}
	// An array of many empty maps, up to what the decoder takes, in as many queries as it takes.
	dimensions := "\xa1\x6aMetricStat\xa1\x66Metric\xa1\x6aDimensions\x99\x40\x00" + strings.Repeat("\xa0", 16<<10)
	for _, tt := range []struct {
		name, path, body string
		header           map[string]string
	}{
		{"JSON, queries", "/", list("MetricDataQueries", "{}"), aws("GetMetricData")},
		{"JSON, few enough queries", "/", `{"MetricDataQueries":[{}` + strings.Repeat(",{}", maxValues/2-10) + `]}`, aws("GetMetricData")},
		{"JSON, dimensions", "/", list("Dimensions", "{}"), aws("ListMetrics")},
		{"JSON, depth", "/", strings.Repeat("[", size), aws("ListMetrics")},
		{"JSON, a long value", "/", long(`{"Namespace":"`, "x", `"}`), aws("ListMetrics")},
		{"JSON, a long metric", "/", long(`{"Namespace":"AWS/Events","MetricName":"`, "<", `","StartTime":0,"EndTime":60,"Period":60,"Statistics":["Sum"]}`), aws("GetMetricStatistics")},
		{"JSON, long statistics", "/", long(`{"Namespace":"AWS/Events","MetricName":"Invocations","StartTime":0,"EndTime":60,"Period":60,"Statistics":["`, "x", `"]}`), aws("GetMetricStatistics")},
		{"JSON, a long operation", "/", "{}", aws(strings.Repeat("x", 500<<10))},
		{"form, dots", "/", long("Action=ListMetrics&a", ".", "=1"), form},
		{"form, names", "/", long("Action=ListMetrics", "&a.b=", ""), form},
		{"form, a long operation", "/", long("Action=", "<", ""), form},
		{"form, a long value", "/", long("Action=ListMetrics&Namespace=", "%01", ""), form},
		{"CBOR, queries", pathPrefix + "GetMetricData", "\xa1\x71MetricDataQueries\x99\x40\x00" + strings.Repeat("\xa0", 16<<10), nil},
		{"CBOR, dimensions", pathPrefix + "GetMetricData", "\xa1\x71MetricDataQueries\x98\x3c" + strings.Repeat(dimensions, 60), nil},
		{"CBOR, a size that is not there", pathPrefix + "GetMetricData", "\xa1\x71MetricDataQueries\x9a\x7f\xff\xff\xff", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(tt.body))
			_ = z.Close()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.path, &packed)
			r.Header.Set("Content-Encoding", "gzip")
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			rec := httptest.NewRecorder()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w.ServeHTTP(rec, r)
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > allocation || rec.Body.Len() > answer {
				t.Errorf("%d bytes, answered with %d bytes and took %d, want at most %d and %d", len(tt.body), rec.Body.Len(), taken, answer, allocation)
			}
		})
	}
}
