// Package internal_test holds the order of Bailey's packages.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers are Bailey's packages from the bottom up. A package imports only packages of layers below its own, so that whoever
// reads one has to know nothing of those above it. A new package gets its place here.
var layers = [][]string{
	{ // Words of the field, each on its own. They import nothing of ours.
		"bailey/internal/arn",
		"bailey/internal/awsjson",
		"bailey/internal/clock",
		"bailey/internal/colour",
		"bailey/internal/crashpoint",
		"bailey/internal/egress",
		"bailey/internal/event",
		"bailey/internal/eventsapi/genmodel", // a generator
		"bailey/internal/http1",
		"bailey/internal/jsonpath",
		"bailey/internal/metrics",
		"bailey/internal/retry",
		"bailey/internal/schedule",
		"bailey/internal/sigv4",
		"bailey/pattern",
	},
	{"bailey/internal/input", "bailey/internal/policy", "bailey/internal/request", "bailey/internal/store"},
	{"bailey/internal/history", "bailey/internal/rule", "bailey/internal/store/sqlite", "bailey/internal/store/storetest"},
	{"bailey/internal/deliver", "bailey/internal/forward", "bailey/internal/redrive", "bailey/internal/replay", "bailey/internal/scheduler"},
	{"bailey"},
	{"bailey/internal/admin", "bailey/internal/cloudwatch", "bailey/internal/eventsapi", "bailey/internal/sqs", "bailey/internal/unserved"},
	{"bailey/internal/client", "bailey/internal/daemon"},
	{"bailey/baileytest", "bailey/internal/demo"},
	{"bailey/cmd/bailey"},
}

// libraries are used by the one package that is there to use them; everybody else speaks our own words.
var libraries = map[string]string{
	"github.com/aws/":        "bailey/internal/sigv4",
	"github.com/fxamacker/":  "bailey/internal/cloudwatch",
	"github.com/prometheus/": "bailey/internal/metrics",
	"modernc.org/":           "bailey/internal/store/sqlite",
	"zombiezen.com/":         "bailey/internal/store/sqlite",
}

// listed is what the test needs of what go list says about a package. Imports are those of the package, not of its tests.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsGoDownTheLayers(t *testing.T) {
	layerOf := make(map[string]int)
	for i, layer := range layers {
		for _, path := range layer {
			layerOf[path] = i
		}
	}

	for _, pkg := range list(t) {
		layer, ok := layerOf[pkg.ImportPath]
		if !ok {
			t.Errorf("%s has no layer: give it one in the list above", pkg.ImportPath)
			continue
		}
		for _, path := range pkg.Imports {
			if other, ok := layerOf[path]; ok && other >= layer {
				t.Errorf("%s (layer %d) imports %s (layer %d)", pkg.ImportPath, layer, path, other)
			}
			for library, user := range libraries {
				if strings.HasPrefix(path, library) && pkg.ImportPath != user {
					t.Errorf("%s imports %s, which is left to %s", pkg.ImportPath, path, user)
				}
			}
		}
	}
}

// list returns the packages of the module but this one, as go list sees them.
func list(t *testing.T) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "bailey/...")
	output, err := command.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v: %s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var pkg listed
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("reading go list's answer: %v", err)
		}
		if pkg.ImportPath != "bailey/internal" {
			packages = append(packages, pkg)
		}
	}
	if len(packages) < 2 {
		t.Fatalf("go list names %d packages: the test sees nothing", len(packages))
	}
	return packages
}

// The page on the architecture draws the layers as they are, but for what only builds and tests the others.
func TestLayersAreDrawn(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "\n## Layers\n")
	_, after, _ = strings.Cut(after, "```text\n")
	drawing, _, _ := strings.Cut(after, "\n```")

	want := make([]string, 0, len(layers))
	for _, layer := range slices.Backward(layers) {
		var names []string
		for _, pkg := range layer {
			if pkg != "bailey/internal/eventsapi/genmodel" && pkg != "bailey/internal/store/storetest" {
				names = append(names, strings.TrimPrefix(pkg, "bailey/"))
			}
		}
		want = append(want, strings.Join(names, "  "))
	}
	// The lowest is drawn without a prefix that nearly all of it has.
	lowest := &want[len(want)-1]
	*lowest = strings.Replace(strings.ReplaceAll(*lowest, "internal/", ""), "  pattern", "   (internal)   pattern", 1)
	if got := strings.Split(drawing, "\n"); !slices.Equal(got, want) {
		t.Errorf("docs/architecture.md draws\n%s\nwant\n%s", drawing, strings.Join(want, "\n"))
	}
}
