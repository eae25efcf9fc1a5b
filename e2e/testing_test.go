package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestOutside runs the test of an application that is a module of its own: package baileytest can be used with what is
// public, and with an AWS SDK. The page that teaches it shows the very same test.
func TestOutside(t *testing.T) {
	from := filepath.Join("testdata", "shop")
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "go", args...)
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
	run("mod", "edit", "-droprequire", "bailey") // it begins without Bailey, as the page's reader does
	run("mod", "edit", "-replace", "bailey="+repository)
	run("get", "bailey/baileytest")
	run("test", "-mod=mod", "-count=1", "./...")

	page, err := os.ReadFile(filepath.Join("..", "docs", "testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\ngo mod edit -replace bailey=../bailey\ngo get bailey/baileytest\n") {
		t.Error("docs/testing.md does not say how a module gets at Bailey, as this test did")
	}
	test, err := fs.ReadFile(os.DirFS(from), "shop_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```go\n"+string(test)+"```\n") {
		t.Error("docs/testing.md does not show testdata/shop/shop_test.go as it is")
	}
}

// An endpoint that fails for 20 hours and then recovers: the delivery succeeds, its attempts and their times are listed, and
// all of it takes less than two seconds. What is measured is the time that the server has the processor, its start and the
// race detector included: the machine may do much else.
func TestTwentyVirtualHours(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	var requests atomic.Int64
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer api.Close()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Start(t, "--clock", "virtual", "--at", begin.Format(time.RFC3339))
	s.PutAPI(t, "warehouse", map[string]any{"url": api.URL})
	client := newGoSDK(s)
	client.Call(t, "PutRule", Object{"Name": "orders", "EventPattern": `{"source": ["shop"]}`}).OK(t)
	client.Call(t, "PutTargets", Object{"Rule": "orders", "Targets": List{
		Object{"Id": "api", "Arn": "arn:aws:execute-api:us-east-1:000000000000:warehouse/prod/POST/orders"},
	}}).OK(t)

	began := time.Now()
	entries, _ := client.Call(t, "PutEvents", Object{"Entries": List{
		Object{"Source": "shop", "DetailType": "Order Placed", "Detail": "{}"},
	}}).OK(t)["Entries"].(List)
	id := fmt.Sprint(entries[0].(Object)["EventId"])
	s.Advance(t, "20h")
	up.Store(true)
	s.Advance(t, "4h")
	event := s.Event(t, id)
	took := time.Since(began)

	if len(event.Deliveries) != 1 {
		t.Fatalf("got %+v, want one delivery", event)
	}
	d := event.Deliveries[0]
	if d.Status != "delivered" || int64(d.Attempts) != requests.Load() || len(d.FailedAttempts) != d.Attempts-1 {
		t.Fatalf("got %s after %d attempts, %d of which are listed as failed; the API had %d requests", d.Status, d.Attempts, len(d.FailedAttempts), requests.Load())
	}
	last := begin
	for i, a := range d.FailedAttempts {
		if a.Number != i+1 || a.StatusCode != http.StatusServiceUnavailable || a.At.Before(last) || a.At.Sub(last) > 10*time.Minute || a.At.Sub(begin) > 20*time.Hour {
			t.Errorf("attempt %d is listed as %+v; the one before was at %v", i+1, a, last)
		}
		last = a.At
	}
	if d.LastAttemptAt.Before(begin.Add(20*time.Hour)) || d.LastAttemptAt.Sub(last) > 10*time.Minute {
		t.Errorf("it succeeded at %v; the attempt before was at %v", d.LastAttemptAt, last)
	}
	s.Stop(t)
	used := s.process.ProcessState.UserTime() + s.process.ProcessState.SystemTime()
	t.Logf("%d attempts in %v; the server used %v of the processor", d.Attempts, took, used)
	if used > 2*time.Second {
		t.Errorf("the server used %v of the processor, want less than 2s", used)
	}
}
