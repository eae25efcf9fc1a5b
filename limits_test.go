package bailey_test

import (
	"strings"
	"testing"

	"bailey"
)

// A bound below nothing is a mistake, and is named.
func TestNegativeLimits(t *testing.T) {
	for name, cfg := range map[string]bailey.Config{
		"Retention": {Retention: -1}, "DeadRetention": {DeadRetention: -1}, "MaxBytes": {MaxBytes: -1},
		"MaxQueued": {MaxQueued: -1}, "MaxQueuedBytes": {MaxQueuedBytes: -1}, "MaxInFlight": {MaxInFlight: -1},
	} {
		cfg.Dir = t.TempDir()
		r, err := bailey.Open(t.Context(), cfg)
		if err == nil {
			_ = r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), name+" is -1") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
