package bailey_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/client"
	"bailey/internal/request"
	"bailey/internal/rule"
)

// schedules puts n rules with the expression, each with a target at the URL.
func schedules(t testing.TB, r *bailey.Router, n int, expression, url string) {
	t.Helper()
	if err := r.Rules().PutAPI(t.Context(), &request.API{ID: "ticks", URL: url}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		name := fmt.Sprintf("rule-%06d", i)
		if _, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: "us-east-1", Name: name, ScheduleExpression: expression}); err != nil {
			t.Fatal(err)
		}
		target := rule.Target{ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:ticks/prod/POST/ticks"}
		if err := r.Rules().PutTargets(t.Context(), "us-east-1", "default", name, []rule.Target{target}); err != nil {
			t.Fatal(err)
		}
	}
}

// Rules with schedules cost no goroutine each, and tick together.
func TestManySchedules(t *testing.T) {
	const rules, minutes = 600, 3 // more rules than are committed together
	rec := newRecorder(t)
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(newYear), Quotas: rule.Quotas{RulesPerBus: rules}})
	before := runtime.NumGoroutine()
	schedules(t, r, rules, "cron(* * * * ? *)", rec.URL)
	if more := runtime.NumGoroutine() - before; more > 20 {
		t.Errorf("%d rules run %d goroutines", rules, more)
	}
	advance(t, r, minutes*time.Minute)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.events) != rules*minutes {
		t.Errorf("%d ticks, want %d", len(rec.events), rules*minutes)
	}
	for i := range minutes {
		if at := newYear.Add(time.Duration(i+1) * time.Minute); rec.times[at] != rules {
			t.Errorf("%d ticks of %v, want %d", rec.times[at], at, rules)
		}
	}
}

// BAILEY_SCHEDULES=50000 go test -run TestSchedulesAtSize -v . measures what
// that many scheduled rules cost the real program: memory, processor time while
// nothing ticks, and how long it takes until the last tick of a minute has been
// delivered. It takes up to ten minutes of waiting for the time to come.
func TestSchedulesAtSize(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("BAILEY_SCHEDULES"))
	if err != nil {
		t.Skip("BAILEY_SCHEDULES does not say how many rules")
	}
	var mu sync.Mutex
	arrived := map[string]time.Time{} // by rule
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct{ Resources []string } // the rule
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil || len(event.Resources) != 1 {
			t.Errorf("got %+v, %v", event, err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if name := event.Resources[0]; arrived[name].IsZero() {
			arrived[name] = time.Now()
		} else {
			t.Errorf("%s ticked twice", name)
		}
	}))
	defer api.Close()

	dir := t.TempDir()
	program := filepath.Join(t.TempDir(), "bailey")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/bailey").CombinedOutput(); err != nil {
		t.Fatalf("building bailey: %v\n%s", err, output)
	}
	none := startProgram(t, program, t.TempDir(), n)
	idle(t, none, 25*time.Second) // until memory has been given back
	empty := none.memory(t)
	none.stop(t)

	// The rules are put on a virtual clock, where commits are not synced.
	began := time.Now()
	r := open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(began), Quotas: rule.Quotas{RulesPerBus: n}})
	// All tick in one minute, soon enough after the start and before there was
	// one that was missed.
	const soon, rest, settle = 5 * time.Minute, 30 * time.Second, 25 * time.Second
	due := began.UTC().Truncate(time.Minute).Add(soon)
	expression := fmt.Sprintf("cron(%d %d * * ? *)", due.Minute(), due.Hour())
	schedules(t, r, n, expression, api.URL)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("putting %d rules with a target each took %v", n, time.Since(began).Round(time.Millisecond))

	began = time.Now()
	p := startProgram(t, program, dir, n)
	t.Logf("starting took %v", time.Since(began).Round(time.Millisecond))
	if time.Until(due) < rest+settle+10*time.Second {
		t.Fatal("it took so long that nothing can be measured before the minute comes")
	}
	idle(t, p, settle)
	memory := p.memory(t)
	used := idle(t, p, rest)
	t.Logf("memory: %.1f MB without rules, %.1f MB more with %d", mb(empty), mb(memory-empty), n)
	t.Logf("processor time at rest: %v in %v, %.2f %%", used, rest, 100*used.Seconds()/rest.Seconds())
	if more := memory - empty; more > 100e6 && n <= 50_000 {
		t.Errorf("%.1f MB more than without rules, want less than 100 MB", mb(more))
	}
	if used > rest/100 {
		t.Errorf("%v of processor time in %v at rest, want less than 1 %%", used, rest)
	}
	p.ask(t, n, expression)

	time.Sleep(time.Until(due))
	for until := due.Add(2 * time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		mu.Lock()
		all := len(arrived) == n
		mu.Unlock()
		if all {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	var last time.Duration
	for _, at := range arrived {
		last = max(last, at.Sub(due))
	}
	t.Logf("%d of %d ticks were delivered, the last %v after the minute began; memory then: %.1f MB", len(arrived), n, last.Round(time.Millisecond), mb(p.memory(t)))
	if len(arrived) != n || last > time.Minute {
		t.Errorf("%d ticks of %d in %v, want all within a minute", len(arrived), n, last)
	}
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// program is a running bailey serve.
type program struct {
	url     string
	process *exec.Cmd
	log     bytes.Buffer
}

func startProgram(t *testing.T, path, dir string, rules int) *program {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "bailey.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "quotas: {rulesPerBus: %d}\n", rules), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{url: "http://" + address, process: exec.Command(path, "serve", "--data", dir, "--listen", address, "--config", config)} // ended by stop
	p.process.Stderr = &p.log
	if err := p.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	for limit := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		response, err := http.Get(p.url + "/readyz") // it answers at once, or nobody is there
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return p
			}
		}
		if time.Now().After(limit) {
			t.Fatalf("bailey is not ready: %v\n%s", err, &p.log)
		}
	}
}

func (p *program) stop(t *testing.T) {
	t.Helper()
	if p.process.ProcessState != nil {
		return
	}
	if err := p.process.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := p.process.Wait(); err != nil {
		t.Errorf("bailey ended with %v\n%s", err, &p.log)
	}
}

// memory is what the process has in memory, in bytes.
func (p *program) memory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Process.Pid))
	if err != nil {
		t.Skip("this system does not say how much memory a process has")
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// idle lets a while pass and returns how much processor time the program used.
func idle(t *testing.T, p *program, d time.Duration) time.Duration {
	t.Helper()
	used := func() time.Duration {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.process.Process.Pid))
		if err != nil {
			t.Skip("this system does not say how much processor time a process uses")
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
		var ticks int64
		for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			ticks += n
		}
		return time.Duration(ticks) * 10 * time.Millisecond
	}
	before := used()
	time.Sleep(d)
	return used() - before
}

// ask calls operations and logs how long they take with so many rules.
func (p *program) ask(t *testing.T, rules int, expression string) {
	t.Helper()
	c := &client.Client{Endpoint: p.url}
	call := func(operation string, in, out any) time.Duration {
		t.Helper()
		began := time.Now()
		if err := c.AWS(context.Background(), operation, in, out); err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		return time.Since(began)
	}
	listed, pages := 0, 0
	var slowest time.Duration
	began := time.Now()
	for token := json.RawMessage("null"); ; pages++ {
		var answer struct {
			Rules     []struct{ Name string }
			NextToken json.RawMessage
		}
		in := map[string]any{"Limit": 100}
		if string(token) != "null" {
			in["NextToken"] = token
		}
		slowest = max(slowest, call("ListRules", in, &answer))
		listed += len(answer.Rules)
		if token = answer.NextToken; len(token) == 0 || string(token) == "null" {
			break
		}
	}
	t.Logf("ListRules: all %d rules by 100 in %v, the slowest page in %v", listed, time.Since(began).Round(time.Millisecond), slowest)
	if listed != rules {
		t.Errorf("ListRules gave %d rules, want %d", listed, rules)
	}
	name := fmt.Sprintf("rule-%06d", rules/2)
	t.Logf("ListRules by prefix: %v", call("ListRules", map[string]any{"NamePrefix": name}, nil))
	t.Logf("DescribeRule: %v", call("DescribeRule", map[string]any{"Name": name}, nil))
	t.Logf("ListRuleNamesByTarget: %v", call("ListRuleNamesByTarget", map[string]any{
		"TargetArn": "arn:aws:execute-api:us-east-1:000000000000:ticks/prod/POST/ticks"}, nil))
	t.Logf("PutRule, as it is: %v", call("PutRule", map[string]any{"Name": name, "ScheduleExpression": expression}, nil))
	t.Logf("DisableRule: %v", call("DisableRule", map[string]any{"Name": name}, nil))
	t.Logf("EnableRule: %v", call("EnableRule", map[string]any{"Name": name}, nil))
}
