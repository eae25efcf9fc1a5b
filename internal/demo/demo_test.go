package demo_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bailey/internal/colour"
	"bailey/internal/demo"
)

var update = flag.Bool("update", false, "write what the tour says to testdata/tour.txt")

// changing is what differs from one tour to the next.
var changing = []struct{ pattern, by string }{
	{`127\.0\.0\.1:\d+ *`, "127.0.0.1:PORT "},
	{`[0-9a-f]{8}-[0-9a-f-]{27}`, "ID"},
	{`\d+\.\d s later`, "N s later"},
}

func TestTour(t *testing.T) {
	dir := t.TempDir()
	var told, log bytes.Buffer
	if err := demo.Run(t.Context(), demo.Config{Out: &told, Log: &log, Listen: "127.0.0.1:0", Data: dir, Once: true}); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(told.String(), dir, "DATA")
	for _, c := range changing {
		got = regexp.MustCompile(c.pattern).ReplaceAllString(got, c.by)
	}
	golden := filepath.Join("testdata", "tour.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the tour has changed; if that is meant, run go test ./internal/demo -update. Got:\n%s", got)
	}
	if log.Len() > 0 {
		t.Errorf("the server logged errors:\n%s", log.String())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
		t.Errorf("the data folder: got %d files, %v, want some", len(entries), err)
	}
}

// TestStream lets the demo go on after the tour until it has told of each kind of event, and interrupts it.
func TestStream(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	watched := newWatch(interrupt, "/orders/A-1003?", "/alerts?EUR=1027", "/stock/ball-3/count", "/payments/P-2005")
	err = demo.Run(ctx, demo.Config{
		Out: watched, Paint: colour.Painter(true), Listen: taken.Addr().String(), Data: dir, Program: "./bailey", Every: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	told := watched.String()
	for _, want := range []string{
		"the usual port is taken",
		"\x1b[1;32mDELIVERED\x1b[0m",
		"./bailey tail",
		"./bailey event ",
		"aws --endpoint-url http://127.0.0.1:",
		"All that it leaves behind is " + dir,
		"Stopped. All that is left is " + dir,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the demo does not say %q:\n%s", want, told)
		}
	}
	if strings.Contains(told, taken.Addr().String()) {
		t.Errorf("the demo names %s, which is somebody else's:\n%s", taken.Addr(), told)
	}
}

// TestInterruptedTour holds that an interrupt is no failure, wherever it comes.
func TestInterruptedTour(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	watched := newWatch(interrupt, "3. The API fails")
	if err := demo.Run(ctx, demo.Config{Out: watched, Listen: "127.0.0.1:0", Data: t.TempDir()}); err != nil {
		t.Errorf("interrupted: got error %v, want none", err)
	}
	if !strings.Contains(watched.String(), "Stopped.") {
		t.Errorf("the demo does not say that it stopped:\n%s", watched.String())
	}
}

func TestDataFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := demo.Run(t.Context(), demo.Config{Out: io.Discard, Listen: "127.0.0.1:0", Data: file, Once: true}); err == nil {
		t.Error("a file for a data folder: got no error")
	}
}

// watch keeps what is written to it, and calls enough once all that is wanted has been written.
type watch struct {
	bytes.Buffer
	enough func()
	wanted []string
}

func newWatch(enough func(), wanted ...string) *watch { return &watch{enough: enough, wanted: wanted} }

// Write keeps p. The demo writes one line at a time, from one goroutine.
func (w *watch) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	text := w.String()
	for _, want := range w.wanted {
		if !strings.Contains(text, want) {
			return n, err
		}
	}
	w.enough()
	return n, err
}
