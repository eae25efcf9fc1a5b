package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bailey/internal/retry"
)

// TestEveryFailureHasAdvice holds that the program and the operator's page know what to do about each error code.
func TestEveryFailureHasAdvice(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]retry.Code{advice("UNKNOWN"): "UNKNOWN"}
	for _, code := range retry.Codes() {
		text := advice(string(code))
		if other, ok := seen[text]; ok {
			t.Errorf("%s has no advice of its own: it has that of %s", code, other)
		}
		seen[text] = code
		if !strings.Contains(string(page), "| `"+string(code)+"` |") {
			t.Errorf("docs/operations.md does not say what %s means", code)
		}
	}
}
