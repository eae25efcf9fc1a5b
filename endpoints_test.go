package bailey_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bailey"
	"bailey/internal/store"
)

// The metrics show how endpoints are doing, as operators have set it.
func TestEndpointMetrics(t *testing.T) {
	r := open(t, bailey.Config{})
	show := func(want ...string) {
		t.Helper()
		rec := httptest.NewRecorder()
		r.Metrics().Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, line := range want {
			if !strings.Contains(rec.Body.String(), "\n"+line+"\n") {
				t.Errorf("the metrics do not show %s", line)
			}
		}
	}
	e := store.Endpoint{API: "shop", Stage: "prod"}
	if err := r.Pause(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	show(`bailey_endpoint_circuit{api="shop",stage="prod"} 2`, "bailey_open_circuits 0")
	if err := r.Resume(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	show(`bailey_endpoint_circuit{api="shop",stage="prod"} 0`)
}
