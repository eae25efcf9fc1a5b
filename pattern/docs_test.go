package pattern_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bailey/pattern"
)

// TestDocumentation runs the examples of docs/patterns.md.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "patterns.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(json|go)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 {
		t.Fatalf("got %d examples, want the page's", len(blocks))
	}
	for _, block := range blocks {
		if block[1] == "go" {
			t.Run("program", func(t *testing.T) { runProgram(t, block[2]) })
			continue
		}
		var example struct {
			Pattern json.RawMessage   `json:"pattern"`
			Matches []json.RawMessage `json:"matches"`
			Not     []json.RawMessage `json:"does not match"`
			Reason  string            `json:"reason"`
			Refused string            `json:"refused"`
		}
		if err := json.Unmarshal([]byte(block[2]), &example); err != nil {
			t.Fatalf("%s: %v", block[2], err)
		}
		p, err := pattern.Parse(string(example.Pattern))
		if refused, ok := errors.AsType[*pattern.Error](err); ok {
			if refused.Reason != example.Reason {
				t.Errorf("%s: got reason %q, want %q", example.Pattern, refused.Reason, example.Reason)
			}
			continue
		}
		if example.Refused != "" {
			if refused := p.Refused(); refused == nil || refused.Reason != example.Refused {
				t.Errorf("%s: got %v, want %q", example.Pattern, refused, example.Refused)
			}
			continue
		}
		if len(example.Matches) == 0 || len(example.Not) == 0 {
			t.Errorf("%s: accepted, and without events on both sides", example.Pattern)
		}
		for _, event := range example.Matches {
			if !p.Match(event) {
				t.Errorf("%s does not match %s", example.Pattern, event)
			}
		}
		for _, event := range example.Not {
			if p.Match(event) {
				t.Errorf("%s matches %s", example.Pattern, event)
			}
		}
	}
}

// runProgram runs a Go program and compares what it prints with the comment at
// its end.
func runProgram(t *testing.T, program string) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	_, comment, ok := strings.Cut(program, "// Output:\n")
	if !ok {
		t.Fatal("the program does not say what it prints")
	}
	want := strings.TrimSuffix(strings.TrimSpace(regexp.MustCompile(`(?m)^\s*(// )?`).ReplaceAllString(comment, "")), "\n}")
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", file).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Errorf("got %v and\n%s\nwant\n%s", err, got, want)
	}
}
