package pattern

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A verdictCase is a line of the corpus; see testdata/README.md.
type verdictCase struct {
	Name, Pattern, Event, Verdict, Reason string
	Column                                *int // of a reason, 0 if it has none
}

func corpus(t testing.TB) []verdictCase {
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("listing the corpus: %v, %v", files, err)
	}
	var cases []verdictCase
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			c := verdictCase{Name: fmt.Sprint("line ", n)}
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatalf("%s:%d: %v", file, n, err)
			}
			c.Name = filepath.Base(file) + "/" + c.Name
			cases = append(cases, c)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return cases
}

// TestCorpus holds the verdicts and reasons of AWS's matcher, also against the
// reference matcher.
func TestCorpus(t *testing.T) {
	for _, c := range corpus(t) {
		p, err := Parse(c.Pattern)
		if refused, ok := errors.AsType[*Error](err); ok {
			// The corpus leaves out positions in the middle of a reason too.
			if c.Verdict != "error" || refused.Reason != c.Reason && !strings.HasPrefix(refused.Reason, c.Reason+" (") {
				t.Errorf("%s: %s\ngot error %q\nwant %s %q", c.Name, c.Pattern, refused.Reason, c.Verdict, c.Reason)
			}
			if c.Column != nil && refused.Column != *c.Column {
				t.Errorf("%s: %s\ngot column %d, want %d", c.Name, c.Pattern, refused.Column, *c.Column)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(p.Match([]byte(c.Event))); got != c.Verdict {
			t.Errorf("%s: %s of %s\ngot %s, want %s %s", c.Name, c.Pattern, c.Event, got, c.Verdict, c.Reason)
		}
		if got := fmt.Sprint(referenceMatch(p, c.Event)); got != c.Verdict {
			t.Errorf("%s: %s of %s\nreference matcher: got %s, want %s", c.Name, c.Pattern, c.Event, got, c.Verdict)
		}
	}
}

// TestCorpusInOneSet matches the corpus's events against all its patterns at
// once.
func TestCorpusInOneSet(t *testing.T) {
	var set Set[int]
	cases := corpus(t)
	for i, c := range cases {
		if c.Verdict == "error" {
			continue
		}
		if err := set.Add(i, mustParse(t, c.Pattern)); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range cases {
		if c.Verdict == "error" {
			continue
		}
		found := false
		seen := map[int]bool{}
		for _, id := range set.AppendMatches(nil, []byte(c.Event)) {
			found = found || id == i
			if seen[id] {
				t.Errorf("%s: pattern %d is reported twice", c.Name, id)
			}
			seen[id] = true
		}
		if got := fmt.Sprint(found); got != c.Verdict {
			t.Errorf("%s: %s of %s\ngot %s, want %s", c.Name, c.Pattern, c.Event, got, c.Verdict)
		}
	}
}
