package bailey_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bailey"
	"bailey/internal/rule"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// A rule with a target that this version refuses, as an earlier one stored it: the
// server starts and says so, and what goes to the target ends as a failure that
// says what to do, in its dead-letter queue too.
func TestStoredTargetThatIsRefused(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	defer api.Close()
	dir := t.TempDir()
	queue := "arn:aws:sqs:us-east-1:000000000000:dead"
	r := open(t, bailey.Config{Dir: dir})
	route(t, r, "orders", api.URL, func(t *rule.Target) {
		t.InputPath = new("$.detail")
		t.DeadLetterConfig = &rule.DeadLetterConfig{ARN: queue}
	})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(sqlite.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var changed []store.Document
	err = s.Documents(t.Context(), func(d store.Document) error {
		if d.Kind == "rule" {
			d.Body = bytes.Replace(d.Body, []byte(`"$.detail"`), []byte(`"$['detail']"`), 1)
			changed = append(changed, d)
		}
		return nil
	})
	if err != nil || len(changed) != 1 {
		t.Fatalf("got %v, %v, want one rule", changed, err)
	}
	if err := s.Apply(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	log := new(logged)
	r = open(t, bailey.Config{Dir: dir, Log: slog.New(slog.NewJSONHandler(log, nil))})
	told := log.having(t, "an earlier version stored")
	if len(told) != 1 || told[0]["level"] != "WARN" || told[0]["rule"] != "orders" || told[0]["target"] != "api" || told[0]["error"] != "InputPath for target api is invalid." {
		t.Errorf("the log has %v, want the rule, the target and what is wrong", told)
	}
	id := put(t, r, order(1))[0]
	d := wait(t, r, id)
	if len(d) != 1 || d[0].Status != store.Dead || d[0].ErrorCode != "INVALID_PARAMETER" ||
		!strings.Contains(d[0].Error, "InputPath for target api is invalid.") || !strings.Contains(d[0].Error, "Put it again") {
		t.Errorf("got %+v, want a failure that says what to do", d)
	}
	letters, err := r.DeadLetters(t.Context(), store.Undelivered{Queue: queue}, 0, 10)
	if err != nil || len(letters) != 1 || letters[0].Event != id {
		t.Errorf("got %+v, %v, want the event in its queue", letters, err)
	}
}
