package bailey_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
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

// A route whose circuit is open is a series of its own, shown with its API, while
// another of the same API is well; and a virtual clock does not wait for it.
func TestRoutesShow(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	r := openVirtual(t)
	for name, path := range map[string]string{"bad": "bad", "well": "well/*"} {
		route(t, r, name, s.URL, func(target *rule.Target) {
			target.ARN = "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/" + path
			if name == "well" {
				target.HTTPParameters = &rule.HTTPParameters{PathParameterValues: []string{"7"}}
			}
		})
	}
	if err := r.Rules().PutAPI(t.Context(), &request.API{ID: "shop", URL: s.URL}); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		put(t, r, order(1)) // both rules match it
	}
	advance(t, r, time.Minute)
	all, err := r.Endpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(e bailey.EndpointStatus) bool { return e.Endpoint.API == "shop" })
	if i < 0 || all[i].State != "closed" || len(all[i].Routes) != 2 || all[i].Waiting == 0 {
		t.Fatalf("got %+v, want the API closed, with two routes", all)
	}
	bad, well := all[i].Routes[0], all[i].Routes[1]
	if bad.Route != "POST /bad" || bad.State != "open" || bad.Failures < 32 || bad.ErrorCode != "ERROR_FROM_TARGET" || bad.Waiting != all[i].Waiting {
		t.Errorf("the route that fails, first: %+v", bad)
	}
	if well.Route != "POST /well/*" || well.State != "closed" || well.Failures != 0 || well.Waiting != 0 {
		t.Errorf("the route that is well: %+v", well)
	}
	rec := httptest.NewRecorder()
	r.Metrics().Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		"bailey_open_circuits 1", `bailey_endpoint_circuit{api="shop",stage=""} 1`, `bailey_route_circuit{api="shop",route="POST /bad",stage=""} 1`,
	} {
		if !strings.Contains(rec.Body.String(), "\n"+line+"\n") {
			t.Errorf("the metrics do not show %s", line)
		}
	}
	if strings.Contains(rec.Body.String(), "POST /well") {
		t.Error("a route that is well has a series")
	}
}
