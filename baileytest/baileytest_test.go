package baileytest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bailey/baileytest"
)

const orders = `{"source": ["shop"]}`

// 24 hours of retries take less than two seconds, each at its own time: the
// times that the API saw are those on record.
func TestTwentyHoursOfRetries(t *testing.T) {
	t.Parallel()
	srv := baileytest.New(t)
	api := srv.API("warehouse")
	srv.Rule("orders", orders, api.ARN("POST", "/orders"))
	start := srv.Now()
	api.RespondFunc(func(r *baileytest.Request) baileytest.Response {
		if r.Time.Sub(start) < 20*time.Hour {
			return baileytest.Response{Status: 503, Body: "closed"}
		}
		return baileytest.Response{}
	})
	began := time.Now()
	id := srv.Put("shop", "Order Placed", `{}`)
	srv.Advance(24 * time.Hour)
	d := srv.Wait(id)
	t.Logf("24 hours took %v", time.Since(began))
	if len(d) != 1 || d[0].Status != baileytest.Delivered || d[0].ErrorCode != "" || !d[0].Next.IsZero() {
		t.Fatalf("got %+v, want one, delivered", d)
	}
	requests, attempts := api.Requests(), d[0].Attempts
	if len(requests) != len(attempts) || len(requests) < 100 {
		t.Fatalf("%d attempts on record, %d requests", len(attempts), len(requests))
	}
	for i, a := range attempts {
		r := requests[i]
		want := baileytest.Attempt{Time: r.Time.Truncate(time.Millisecond), StatusCode: 503, ErrorCode: "ERROR_FROM_TARGET", Error: a.Error}
		if i == len(attempts)-1 {
			want = baileytest.Attempt{Time: want.Time, StatusCode: 200}
		}
		if a != want || r.Attempt != i+1 || r.EventID != id {
			t.Errorf("attempt %d is on record as %+v, the API got %+v", i+1, a, r)
		}
	}
	if !strings.Contains(attempts[0].Error, "closed") {
		t.Errorf("the error %q does not say what was answered", attempts[0].Error)
	}
}

func TestPendingAndDead(t *testing.T) {
	t.Parallel()
	srv := baileytest.New(t)
	down, gone := srv.API("down"), srv.API("gone")
	down.Respond(baileytest.Response{Status: 500})
	gone.Respond(baileytest.Response{Status: 404})
	srv.Rule("orders", orders, down.ARN("POST", "/"), gone.ARN("POST", "/"))
	id := srv.Put("shop", "Order Placed", `{}`)
	d := srv.Wait(id)
	if len(d) != 2 {
		t.Fatalf("got %+v, want two", d)
	}
	if d[0].API != "down" || d[0].Status != baileytest.Pending || len(d[0].Attempts) != 1 || !d[0].Next.After(srv.Now()) || d[0].Rule != "orders" || d[0].Target != "1" {
		t.Errorf("got %+v, want it to wait for its second attempt", d[0])
	}
	if d[1].API != "gone" || d[1].Status != baileytest.Dead || len(d[1].Attempts) != 1 || d[1].Attempts[0].StatusCode != 404 || d[1].ErrorCode != "ERROR_FROM_TARGET" {
		t.Errorf("got %+v, want it dead", d[1])
	}
	if got := srv.Deliveries(srv.Put("elsewhere", "x", `{}`)); len(got) != 0 {
		t.Errorf("an event that no rule matches has deliveries: %+v", got)
	}
}

// A request to an API that never answers is cut off after five real seconds;
// the clock waits for it.
func TestHang(t *testing.T) {
	t.Parallel()
	srv := baileytest.New(t)
	api := srv.API("slow")
	api.Respond(baileytest.Response{Hang: true}, baileytest.Response{})
	srv.Rule("orders", orders, api.ARN("POST", "/"))
	id := srv.Put("shop", "Order Placed", `{}`)
	began := time.Now()
	d := srv.Wait(id)[0]
	if took := time.Since(began); took < 4900*time.Millisecond {
		t.Errorf("it took %v, want five seconds", took)
	}
	if d.Status != baileytest.Pending || d.Attempts[0].ErrorCode != "TIMEOUT" || !d.Attempts[0].Time.Equal(srv.Now()) {
		t.Errorf("got %+v, want a timeout at the moment at which the clock stands", d)
	}
	srv.Advance(time.Minute)
	if d := srv.Wait(id)[0]; d.Status != baileytest.Delivered {
		t.Errorf("got %+v, want it delivered", d)
	}
}

// A test can end while an API hangs.
func TestEndWhileHanging(t *testing.T) {
	tt := newT()
	tt.run(func() {
		srv := baileytest.New(tt)
		api := srv.API("slow")
		arrived := make(chan struct{})
		api.RespondFunc(func(*baileytest.Request) baileytest.Response {
			close(arrived)
			return baileytest.Response{Hang: true}
		})
		srv.Rule("orders", orders, api.ARN("POST", "/"))
		srv.Put("shop", "Order Placed", `{}`)
		<-arrived
		began := time.Now()
		tt.Cleanup(func() { t.Logf("ending took %v", time.Since(began)) })
	})
	if tt.failed {
		t.Errorf("it failed:\n%s", &tt.log)
	}
}

// What is wrong with the use of the package fails the test and says why; the
// log is shown then, and only then.
func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  func(*baileytest.Server)
		want string
	}{
		{"an API's id", func(s *baileytest.Server) { s.API("no good") }, `registering API "no good"`},
		{"a pattern", func(s *baileytest.Server) { s.Rule("r", `{"source": "shop"}`) }, "InvalidEventPatternException"},
		{"a schedule", func(s *baileytest.Server) { s.Rule("r", "rate(1 minutes)") }, "Parameter ScheduleExpression is not valid."},
		{"a target", func(s *baileytest.Server) { s.Rule("r", orders, "nonsense") }, "nonsense"},
		{"an event", func(s *baileytest.Server) { s.Put("shop", "Order", "not JSON") }, "MalformedDetail"},
		{"an event id", func(s *baileytest.Server) { s.Wait("x") }, `waiting for event "x"`},
		{"an event that is not there", func(s *baileytest.Server) { s.Wait("01234567-89ab-7def-8123-456789abcdef") }, "looking for event"},
		{"an event that matches nothing", func(s *baileytest.Server) {
			s.Rule("r", orders, s.API("a").ARN("POST", "/"))
			_ = s.Wait(s.Put("elsewhere", "Order", `{}`))[0]
		}, "rule r: source is"},
		{"an event where there are no rules", func(s *baileytest.Server) { _ = s.Wait(s.Put("shop", "Order", `{}`))[0] }, "event bus default in us-east-1 has no rules"},
		{"redriving nothing", func(s *baileytest.Server) { s.Redrive(s.Put("shop", "Order", `{}`)) }, "nothing of it was given up"},
		{"a status", func(s *baileytest.Server) {
			api := s.API("odd")
			api.Respond(baileytest.Response{Status: 99})
			s.Rule("r", orders, api.ARN("POST", "/"))
			s.Wait(s.Put("shop", "Order", `{}`))
		}, `API "odd" is to answer with the status 99`},
		{"an answer that panics", func(s *baileytest.Server) {
			api := s.API("odd")
			api.RespondFunc(func(*baileytest.Request) baileytest.Response { panic("a bug of the test's own") })
			s.Rule("r", orders, api.ARN("POST", "/"))
			s.Wait(s.Put("shop", "Order", `{}`))
		}, `API "odd": answering panicked: a bug of the test's own`},
		{"time that goes back", func(s *baileytest.Server) { s.Advance(-time.Second) }, "not moved back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			failing := newT()
			failing.run(func() { tt.use(baileytest.New(failing)) })
			if !failing.failed || !strings.Contains(failing.log.String(), tt.want) || !strings.Contains(failing.log.String(), "bailey is listening") {
				t.Errorf("failed: %v; it says\n%s\nwant %q, and the log", failing.failed, &failing.log, tt.want)
			}
		})
	}
	passing := newT()
	passing.run(func() { baileytest.New(passing) })
	if passing.failed || passing.log.Len() > 0 {
		t.Errorf("a test that does nothing failed: %v, and says %q", passing.failed, &passing.log)
	}
}

func TestRealClock(t *testing.T) {
	t.Parallel()
	srv := baileytest.NewWith(t, baileytest.Config{RealClock: true, Region: "eu-central-1", Account: "123456789012"})
	api := srv.API("warehouse")
	api.Respond(baileytest.Response{Status: 503}, baileytest.Response{})
	srv.Rule("orders", orders, api.ARN("PUT", "orders/latest"))
	id := srv.Put("shop", "Order Placed", `{}`)
	if d := srv.Wait(id); d[0].Status != baileytest.Delivered || len(d[0].Attempts) != 2 {
		t.Errorf("got %+v, want it delivered by its second attempt", d)
	}
	r := api.Requests()[0]
	if r.Method != http.MethodPut || r.URL.Path != "/orders/latest" || !strings.Contains(string(r.Body), `"region":"eu-central-1"`) || !strings.Contains(string(r.Body), "123456789012") {
		t.Errorf("got %s %s %s", r.Method, r.URL, r.Body)
	}
	api.Forget()
	if got := api.Requests(); len(got) != 0 {
		t.Errorf("got %+v after Forget", got)
	}
	failing := newT()
	failing.run(func() {
		baileytest.NewWith(failing, baileytest.Config{RealClock: true}).Advance(time.Hour)
	})
	if !strings.Contains(failing.log.String(), "the clock is the machine's") {
		t.Errorf("moving the machine's clock: %s", &failing.log)
	}
}

// Quotas are those of the Config.
func TestQuotas(t *testing.T) {
	t.Parallel()
	srv := baileytest.NewWith(t, baileytest.Config{RulesPerBus: 2, TargetsPerRule: 1, EventPattern: 100})
	api := srv.API("a")
	for i := range 3 {
		err := srv.Call("PutRule", map[string]string{"Name": fmt.Sprint(i), "EventPattern": orders}, nil)
		if refused := err != nil && strings.HasPrefix(err.Error(), "LimitExceededException"); refused != (i == 2) {
			t.Errorf("rule %d: %v", i+1, err)
		}
	}
	err := srv.Call("PutTargets", map[string]any{"Rule": "0", "Targets": []map[string]string{
		{"Id": "1", "Arn": api.ARN("GET", "a")}, {"Id": "2", "Arn": api.ARN("GET", "b")},
	}}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "LimitExceededException") {
		t.Errorf("two targets: %v", err)
	}
	long := fmt.Sprintf(`{"source":["%s"]}`, strings.Repeat("x", 100))
	err = srv.Call("PutRule", map[string]string{"Name": "0", "EventPattern": long}, nil)
	if want := "ValidationException: Parameter EventPattern for rule 0 exceeds limit of 100."; err == nil || err.Error() != want {
		t.Errorf("a long pattern: got %v, want %s", err, want)
	}
	if same := srv.API("a"); same != api {
		t.Error("an API asked for twice is two")
	}
}

// Cleanups that a test registers after New find the server running: a helper
// may look, when all is over, at what is left.
func TestUseInCleanup(t *testing.T) {
	tt := newT()
	tt.run(func() {
		srv := baileytest.New(tt)
		api := srv.API("warehouse")
		srv.Rule("orders", orders, api.ARN("POST", "/"))
		tt.Cleanup(func() {
			id := srv.Put("shop", "Order Placed", `{}`)
			srv.Advance(time.Hour)
			if d := srv.Wait(id); len(d) != 1 || d[0].Status != baileytest.Delivered {
				tt.Errorf("got %+v, want it delivered", d)
			}
		})
	})
	if tt.failed {
		t.Errorf("it failed:\n%s", &tt.log)
	}
}

// An API can close the connection without an answer, as one that crashes does.
func TestConnectionClosed(t *testing.T) {
	t.Parallel()
	srv := baileytest.New(t)
	api := srv.API("warehouse")
	api.RespondFunc(func(r *baileytest.Request) baileytest.Response {
		if r.Attempt == 1 {
			panic(http.ErrAbortHandler)
		}
		return baileytest.Response{}
	})
	srv.Rule("orders", orders, api.ARN("POST", "/"))
	id := srv.Put("shop", "Order Placed", `{}`)
	srv.Advance(time.Minute)
	d := srv.Wait(id)
	if len(d) != 1 || d[0].Status != baileytest.Delivered || len(d[0].Attempts) != 2 || d[0].Attempts[0].ErrorCode != "CONNECTION_FAILURE" {
		t.Errorf("got %+v, want it delivered after a connection failure", d)
	}
}
