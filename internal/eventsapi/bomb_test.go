package eventsapi

import (
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bailey/internal/awsjson"
)

// bombSize is how long the bodies of [TestBombs] are, unpacked. They pack to a
// few thousand bytes.
const bombSize = 256 << 10

// The most that one of them may have: an answer, and what the process allocates
// on the way to it. It is at most 40 times the body, and a little more where the
// race detector watches and the router does something else meanwhile.
const (
	bombAnswer = 64 << 10
	bombMemory = 64 * bombSize
)

func filled(open, item, shut string) string {
	n := (bombSize - len(open) - len(shut)) / (len(item) + 1)
	return open + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + shut
}

// bombs are values of a shape that are long and take little to write, each with
// what else an object around it needs.
func bombs(s *awsjson.Shape, depth int) (all []string) {
	long := strings.Repeat("x", bombSize)
	switch s.Kind {
	case awsjson.String:
		return []string{`"` + long + `"`, `"` + strings.Repeat(`\u0001`, bombSize/6) + `"`}
	case awsjson.List:
		item := map[awsjson.Kind]string{awsjson.Structure: `{}`, awsjson.String: `""`, awsjson.List: `[]`, awsjson.Map: `{}`}[s.Element.Kind]
		all = append(all, filled("[", item, "]"), filled("[", "null", "]"))
		for _, b := range bombs(s.Element, depth+1) {
			all = append(all, "["+b+"]")
		}
	case awsjson.Map:
		var b strings.Builder
		for i := 0; b.Len() < bombSize; i++ {
			b.WriteString(`,"` + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + string(rune('a'+i/17576)) + `":""`)
		}
		all = append(all, "{"+b.String()[1:]+"}", `{"`+long+`":""}`, `{"k":"`+long+`"}`)
	case awsjson.Structure:
		if depth > 4 {
			return nil
		}
		for _, m := range s.Members {
			for _, b := range bombs(m.Shape, depth+1) {
				all = append(all, `{"`+m.Name+`":`+b+`}`)
			}
		}
	case awsjson.Integer, awsjson.Long, awsjson.Timestamp:
		return []string{strings.Repeat("9", bombSize)}
	}
	return all
}

// A small packed body has neither a large answer nor much memory for itself,
// whatever is in it.
func TestBombs(t *testing.T) {
	h, _ := newAPI(t)
	send := func(t *testing.T, operation, body string) {
		t.Helper()
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write([]byte(body))
		_ = z.Close()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", &packed)
		r.Header.Set("X-Amz-Target", "AWSEvents."+operation)
		r.Header.Set("Content-Encoding", "gzip")
		w := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > bombMemory || w.Body.Len() > bombAnswer {
			t.Errorf("%.60s... (%d bytes): answered with %d bytes and took %d, want at most %d and %d", body, len(body), w.Body.Len(), taken, bombAnswer, bombMemory)
		}
	}
	everywhere := []string{
		strings.Repeat("[", bombSize), strings.Repeat("[", bombSize/2) + strings.Repeat("]", bombSize/2),
		`{"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
		filled(`{"x":[`, `{}`, `]}`), filled("{", `"x":1`, "}"), `{"` + strings.Repeat("x", bombSize) + `":1}`,
	}
	for _, operation := range slices.Sorted(maps.Keys(model.Operations)) {
		t.Run(operation, func(t *testing.T) {
			for _, b := range slices.Concat(everywhere, bombs(model.Operations[operation], 0)) {
				send(t, operation, b)
			}
		})
	}
	// What passes the checks of the model.
	for _, call := range [][2]string{
		{"PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{}","Resources":` + filled("[", `""`, "]") + `}]}`},
		{"PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"` + strings.Repeat("[", bombSize) + `"}]}`},
		{"PutEvents", `{"Entries":[{"Source":"s","DetailType":"t","Detail":"{\"a\":` + filled("[", "[]", "]") + `}"}]}`},
		{"PutEvents", `{"Entries":[{"Source":"` + strings.Repeat("x", bombSize) + `","DetailType":"t","Detail":"{}"}]}`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"x\"]}","Event":"` + strings.Repeat("[", bombSize) + `"}`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"x\"]}","Event":"{\"source\":` + filled("[", "[]", "]") + `}"}`},
		{"TestEventPattern", `{"Event":"{}","EventPattern":"{\"source\":` + filled("[", "1", "]") + `}"}`},
		{"PutRule", `{"Name":"r","EventPattern":"{\"source\":` + filled("[", "1", "]") + `}"}`},
		{"PutRule", `{"Name":"r","EventPattern":"` + strings.Repeat("[", bombSize) + `"}`},
		{"PutPermission", `{"Policy":"{\"Statement\":` + filled("[", "{}", "]") + `}"}`},
		{"PutPermission", `{"Policy":"` + strings.Repeat("[", bombSize) + `"}`},
		{"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/r","Tags":[{"Key":"k","Value":"` + strings.Repeat("x", bombSize) + `"}]}`},
	} {
		t.Run("passing the model's checks", func(t *testing.T) { send(t, call[0], call[1]) })
	}
}
