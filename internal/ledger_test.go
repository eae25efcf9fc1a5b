package internal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources are the words with which the third cell of a row of the ledger begins.
var sources = []string{"documented", "observed", "ours"}

// TestLedger holds docs/fidelity.md to its promise: every behaviour has a source, and a test that is there and would fail
// if the behaviour changed. A test is written `package.TestName`, the package by its folder: `internal/request.TestURL`
// is `request.TestURL`, and the root's are `bailey.TestName`.
func TestLedger(t *testing.T) {
	text, err := os.ReadFile("../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testFunctions(t)
	rows := 0
	for i, line := range strings.Split(string(text), "\n") {
		cells, ok := ledgerRow(line)
		if !ok {
			continue
		}
		rows++
		if problem := checkRow(cells, tests); problem != "" {
			t.Errorf("docs/fidelity.md:%d: %s", i+1, problem)
		}
	}
	if rows < 100 {
		t.Errorf("got %d rows, want at least 100: is the ledger still a table?", rows)
	}
}

// ledgerRow returns the cells of a row of four that is neither a heading nor the line below one.
func ledgerRow(line string) (cells []string, ok bool) {
	line, isRow := strings.CutPrefix(line, "|")
	if !isRow {
		return nil, false
	}
	line = strings.TrimSuffix(strings.TrimSpace(line), "|")
	for cell := range strings.SplitSeq(strings.ReplaceAll(line, `\|`, "\x00"), "|") {
		cells = append(cells, strings.TrimSpace(strings.ReplaceAll(cell, "\x00", "|")))
	}
	heading := len(cells) == 4 && (cells[3] == "test" || strings.Trim(cells[3], "-: ") == "")
	return cells, !heading
}

// checkRow says what is wrong with a row, if anything is.
func checkRow(cells []string, tests map[string]bool) string {
	if len(cells) != 4 {
		return fmt.Sprintf("got %d cells, want rule, behaviour, source and test", len(cells))
	}
	if !slices.ContainsFunc(sources, func(s string) bool { return strings.HasPrefix(cells[2], s) }) {
		return fmt.Sprintf("the source %q begins with none of %q", cells[2], sources)
	}
	if cells[3] == "" {
		return "no test is named"
	}
	for name := range strings.SplitSeq(cells[3], ",") {
		if name = strings.Trim(name, " `"); !tests[name] {
			return fmt.Sprintf("there is no test %s", name)
		}
	}
	return ""
}

// testFunctions returns all tests and fuzz tests of both modules, each as `package.TestName`.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w*)\(`)
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder := filepath.Base(filepath.Dir(path))
		if folder == ".." {
			folder = "bailey"
		}
		for _, match := range declared.FindAllSubmatch(source, -1) {
			found[folder+"."+string(match[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
