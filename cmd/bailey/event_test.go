package main

import (
	"strings"
	"testing"
)

func TestLongDetailIsCutBetweenCharacters(t *testing.T) {
	const more = "... (--json shows all of it)"
	for before, want := range map[int]int{
		0:            maxShown / len("ü"),
		1:            (maxShown - 1) / len("ü"), // a character lies across the end
		maxShown - 1: 0,
	} {
		plain := strings.Repeat("a", before)
		got := shown([]byte(plain + strings.Repeat("ü", maxShown)))
		if want := plain + strings.Repeat("ü", want) + more; got != want {
			t.Errorf("after %d letters: got %d bytes that end in %q, want %d", before, len(got), got[len(got)-40:], len(want))
		}
	}
	if whole := strings.Repeat("ü", maxShown/len("ü")); shown([]byte(whole)) != whole {
		t.Error("a detail that is not too long was cut")
	}
}
