package bailey_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"bailey"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// What is on its way to an API for the first time has no row in the store, and is found by its API nonetheless.
func TestFirstAttemptsAreFoundByTheirAPI(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-answer
	}))
	defer slow.Close()
	r := open(t, bailey.Config{})
	defer close(answer)
	for _, name := range []string{"slow", "other"} {
		arn := api(t, r, name, slow.URL)
		_, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: region, Name: name, EventPattern: `{"source":["` + name + `"]}`})
		must(t, err)
		must(t, r.Rules().PutTargets(t.Context(), region, "", name, []rule.Target{{ID: "t", ARN: arn}}))
	}
	entry := order(1)
	entry.Source = "slow"
	id := put(t, r, entry)[0]
	<-arrived
	pending := store.Pending
	for name, want := range map[string]int{"slow": 1, "other": 0} {
		for _, status := range []*store.Status{nil, &pending} {
			found, _, err := r.Deliveries(t.Context(), store.Query{API: name, Status: status})
			must(t, err)
			if len(found) != want || want == 1 && found[0].Event != id {
				t.Errorf("API %s, status %v: got %+v, want %d deliveries", name, status, found, want)
			}
		}
	}
}
