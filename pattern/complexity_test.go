package pattern

import (
	"strings"
	"testing"
)

func TestComplexity(t *testing.T) {
	for _, tt := range []struct {
		wildcard string
		want     int
	}{
		{"abc", 1}, // each of a, ab, abc matches a string of its own
		{"ab*c", 2},
		{"*ab", 2},
		{"*aa", 3},
		{"aa*", 2},
		{"a*bb", 3},
		{"a*bcb", 3},
		{"a*bbb", 4},
		{"*ab*ad", 4},
		{"*ab*d", 3},
		{"/Users/*/dir/dir/dir/dir/dir/doc.txt", 7}, // AWS takes it
		{"*:*:*:*:*:event-bus/*", 10},               // AWS refuses it
		{"arn:aws:events:us-east-1:*:event-bus/*", 3},
		{"*" + strings.Repeat("a", 8), 9},
		{"*" + strings.Repeat("a", 9), 10},
		{"*" + strings.Repeat("a", 900), 10},
		{strings.Repeat("abcdefghijklmnopqrstuvwxyz", 100), 1},
	} {
		parts, reason := splitWildcard(tt.wildcard)
		if got := complexity(parts); got != tt.want || reason != "" {
			t.Errorf("%.50s: got %d %s, want %d", tt.wildcard, got, reason, tt.want)
		}
	}
}

// The patterns of AWS's documentation, and those that it was seen to refuse.
func TestTooComplex(t *testing.T) {
	for pattern, want := range map[string]bool{
		`{"a": [{"wildcard": "*/dir/*.png"}]}`:                                             false,
		`{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}`:                                   true,
		`{"a": [{"prefix": "x"}, {"wildcard": "*:*:*:*:*:event-bus/*"}]}`:                  true,
		`{"$or": [{"a": [1]}, {"b": {"c": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}}]}`:     true,
		`{"a": [{"anything-but": {"wildcard": ["*.png", "*:*:*:*:*:event-bus/*"]}}]}`:      true,
		`{"a": [{"anything-but": {"wildcard": ["*.png", "*.jpg"]}}, {"wildcard": "*.*"}]}`: false,
	} {
		p, err := Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.TooComplex(); (got != "") != want {
			t.Errorf("%s: got %q, want it refused: %v", pattern, got, want)
		}
	}
}

func BenchmarkComplexity(b *testing.B) {
	// Many sets, none of ten.
	parts, _ := splitWildcard("*abac*dedf*ghgi*jkjl*mnmo")
	for b.Loop() {
		complexity(parts)
	}
}
