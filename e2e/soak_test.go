package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	soakAPIs = 8
	// soakShort is how long the soak's faults last where nobody says, soakEnv
	// says it, and seedEnv repeats a soak.
	soakShort = 10 * time.Second
	soakEnv   = "BAILEY_SOAK"
	seedEnv   = "BAILEY_SOAK_SEED"
)

// Events stream in for eight APIs, each of two routes, which fail in every way that there is; of every second API one route
// never answers. Meanwhile the server is killed, stopped, started and its APIs are paused at random. By the books of this test alone, every event that was accepted is, for each rule that it is for,
// delivered, dead or pending: never lost, never two of these, and never other than what the API saw. What is dead is one
// message in its queue. At the end all that is not delivered is sent again, and arrives.
//
// The seed decides what happens and when; what that falls upon depends on the machine.
func TestSoak(t *testing.T) {
	t.Parallel()
	lasts, seed := soakShort, rand.Uint64()
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", soakEnv, err)
		}
	}
	if text := os.Getenv(seedEnv); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedEnv, err)
		}
	}
	t.Logf("%v of faults; to repeat them: %s=%d %s=%v", lasts, seedEnv, seed, soakEnv, lasts)
	random := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

	books := newBooks()
	apis := make([]*fickle, soakAPIs)
	for i := range apis {
		apis[i] = newFickle(t, books, random(uint64(i)), lasts)
	}
	k := &soak{t: t, dir: t.TempDir(), books: books, apis: apis}
	k.start()
	for i, api := range apis {
		k.configure(i, api.URL, random(100).IntN(5))
	}

	for _, api := range apis {
		api.begin()
	}
	load, stop := context.WithTimeout(t.Context(), lasts)
	defer stop()
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() { k.call(load, random(uint64(200+i))) })
	}
	k.trouble(load, random(300))
	callers.Wait()
	for _, api := range apis {
		api.heal()
	}

	// Nothing moves any more once every endpoint is paused and what was under way has ended: the books are compared with the
	// server's while some deliveries still wait.
	k.pauseAll("pause")
	k.restart(false)
	log := k.log()
	books.audit(t, log, k.letters(), "in the middle of it")
	if n := log.count("pending"); n == 0 {
		t.Log("nothing was pending when the books were compared")
	}

	k.pauseAll("resume")
	k.redriveAll(2 * time.Minute)
	log = k.log()
	books.audit(t, log, k.letters(), "at the end")
	if dead, pending := log.count("dead"), log.count("pending"); dead+pending > 0 {
		t.Errorf("at the end %d deliveries are dead and %d pending, want all delivered", dead, pending)
	}
	k.server.Stop(t)
}

// soak is the server that a soak is about, from one life to the next. Only the test's own goroutine starts and ends it.
type soak struct {
	t      *testing.T
	dir    string
	books  *books
	apis   []*fickle
	server *Server
	at     atomic.Pointer[Server] // server, for the callers
	paused map[int]bool
	lives  int
}

func (k *soak) start() {
	k.t.Helper()
	k.server = StartIn(k.t, k.dir)
	k.at.Store(k.server)
	k.lives++
}

// restart ends the server, by a kill or in good order, and starts it again.
func (k *soak) restart(kill bool) {
	k.t.Helper()
	if kill {
		k.server.Kill(k.t)
		for _, api := range k.apis {
			api.AwaitSilence(k.t)
		}
		k.books.killed()
	} else {
		k.server.Stop(k.t)
	}
	k.start()
}

// configure makes two rules for an API, each to a route of its own: one for events with its number, and one for those of them
// that are for everybody's second API as well. Every second rule has no dead-letter queue.
func (k *soak) configure(i int, apiURL string, retries int) {
	k.t.Helper()
	id := "soak-" + strconv.Itoa(i)
	k.server.PutAPI(k.t, id, map[string]any{"url": apiURL, "maxConcurrency": 8 + 8*i})
	second := "/also"
	if i%2 == 0 {
		second = hangingRoute
	}
	for _, rule := range []struct{ name, pattern, path string }{
		{soakRule(i, false), fmt.Sprintf(`{"source": ["soak"], "detail": {"api": [%d]}}`, i), "/events"},
		{soakRule(i, true), fmt.Sprintf(`{"source": ["soak"], "detail": {"also": [%d]}}`, i), second},
	} {
		target := Object{
			"Id": "1", "Arn": "arn:aws:execute-api:us-east-1:000000000000:" + id + "/prod/POST" + rule.path,
			"RetryPolicy": Object{"MaximumRetryAttempts": retries, "MaximumEventAgeInSeconds": 86400},
		}
		if hasQueue(rule.name) {
			target["DeadLetterConfig"] = Object{"Arn": "arn:aws:sqs:us-east-1:000000000000:" + rule.name}
		}
		for _, call := range []struct {
			operation string
			input     Object
		}{
			{"PutRule", Object{"Name": rule.name, "EventPattern": rule.pattern}},
			{"PutTargets", Object{"Rule": rule.name, "Targets": List{target}}},
		} {
			input, err := json.Marshal(call.input)
			if err != nil {
				k.t.Fatal(err)
			}
			if status, body, err := k.server.Operation(k.t.Context(), call.operation, input); err != nil || status != http.StatusOK {
				k.t.Fatalf("%s: %d %s, %v", call.operation, status, body, err)
			}
		}
	}
}

func soakRule(api int, also bool) string {
	if also {
		return fmt.Sprintf("also-%d", api)
	}
	return fmt.Sprintf("soak-%d", api)
}

func hasQueue(rule string) bool { return rule[len(rule)-1]%2 == 0 }

// call puts events until the time is over, whatever server there is.
func (k *soak) call(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		entries := make([]Object, 1+random.IntN(10))
		rules := make([][]string, len(entries))
		for i := range entries {
			api := random.IntN(soakAPIs)
			detail := Object{"api": api, "padding": string(bytes.Repeat([]byte{'x'}, random.IntN(2000)))}
			rules[i] = []string{soakRule(api, false)}
			if random.IntN(4) == 0 {
				also := random.IntN(soakAPIs)
				detail["also"] = also
				rules[i] = append(rules[i], soakRule(also, true))
			}
			text, err := json.Marshal(detail)
			if err != nil {
				k.t.Error(err)
				return
			}
			entries[i] = Object{"Source": "soak", "DetailType": "Entry", "Detail": string(text)}
		}
		input, err := json.Marshal(Object{"Entries": entries})
		if err != nil {
			k.t.Error(err)
			return
		}
		status, body, err := k.at.Load().Operation(ctx, "PutEvents", input)
		var answer struct {
			Entries []struct{ EventID, ErrorCode string }
		}
		switch {
		case err != nil:
			k.books.cutOff(len(entries))
		case status != http.StatusOK:
			k.t.Errorf("PutEvents answered %d %s", status, body)
			return
		default:
			if err := json.Unmarshal(body, &answer); err != nil || len(answer.Entries) != len(entries) {
				k.t.Errorf("PutEvents answered %s: %v", body, err)
				return
			}
			for i, e := range answer.Entries {
				if e.ErrorCode != "" {
					k.t.Errorf("PutEvents answered %s", e.ErrorCode)
					return
				}
				k.books.accepted(e.EventID, rules[i])
			}
		}
		pause(ctx, time.Duration(random.IntN(50))*time.Millisecond)
	}
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// trouble kills the server, stops it, and pauses endpoints, until the time is over.
func (k *soak) trouble(ctx context.Context, random *rand.Rand) {
	k.t.Helper()
	k.paused = map[int]bool{}
	for {
		pause(ctx, time.Duration(200+random.IntN(3000))*time.Millisecond)
		if ctx.Err() != nil || k.t.Failed() {
			return
		}
		switch what, api := random.IntN(10), random.IntN(soakAPIs); {
		case what < 5:
			k.restart(true)
		case what < 7:
			k.restart(false)
		case k.paused[api]:
			k.pause(api, "resume")
		default:
			k.pause(api, "pause")
		}
	}
}

// pause pauses an endpoint or resumes it.
func (k *soak) pause(api int, what string) {
	k.t.Helper()
	status, body := k.server.request(k.t, http.MethodPost, fmt.Sprintf("/_bailey/v1/endpoints/soak-%d/%s", api, what), nil)
	if status != http.StatusOK {
		k.t.Fatalf("%s: %d %s", what, status, body)
	}
	k.paused[api] = what == "pause"
}

func (k *soak) pauseAll(what string) {
	k.t.Helper()
	for i := range soakAPIs {
		k.pause(i, what)
	}
}

// redriveAll sends again what is dead, once what is pending has ended, until nothing is either.
func (k *soak) redriveAll(limit time.Duration) {
	k.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		switch {
		case len(k.server.deliveries(k.t, "/_bailey/v1/deliveries?limit=1&status=pending")) > 0:
		case len(k.server.deliveries(k.t, "/_bailey/v1/deliveries?limit=1&status=dead")) > 0:
			status, body := k.server.request(k.t, http.MethodPost, "/_bailey/v1/dead-letters/redrive", Object{"all": true})
			if status/100 != 2 {
				k.t.Fatalf("redriving: %d %s", status, body)
			}
		default:
			return
		}
		if time.Now().After(deadline) {
			k.t.Errorf("after %v not all is delivered", limit)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// line is a delivery as the server's log has it.
type line struct {
	Delivery
	IdempotencyKey  string `json:"idempotencyKey"`
	EarlierAttempts int    `json:"earlierAttempts"`
}

// log is the server's delivery log, by event and rule.
type log map[string]map[string][]line

func (l log) count(status string) (n int) {
	for _, rules := range l {
		for _, lines := range rules {
			for _, d := range lines {
				if d.Status == status {
					n++
				}
			}
		}
	}
	return n
}

// log reads the whole delivery log.
func (k *soak) log() log {
	k.t.Helper()
	all := log{}
	k.pages("/_bailey/v1/deliveries", func(page []byte) (string, error) {
		var answer struct {
			Deliveries []line
			Next       string
		}
		err := json.Unmarshal(page, &answer)
		for _, d := range answer.Deliveries {
			if all[d.EventID] == nil {
				all[d.EventID] = map[string][]line{}
			}
			all[d.EventID][d.Rule] = append(all[d.EventID][d.Rule], d)
		}
		return answer.Next, err
	})
	return all
}

// letter names the delivery that a dead letter is about.
type letter struct{ event, rule string }

// letters counts the dead letters of each delivery.
func (k *soak) letters() map[letter]int {
	k.t.Helper()
	all := map[letter]int{}
	k.pages("/_bailey/v1/dead-letters", func(page []byte) (string, error) {
		var answer struct {
			DeadLetters []struct{ EventID, Rule, Queue string }
			Next        string
		}
		err := json.Unmarshal(page, &answer)
		for _, l := range answer.DeadLetters {
			if want := "arn:aws:sqs:us-east-1:000000000000:" + l.Rule; l.Queue != want {
				return "", fmt.Errorf("a message about rule %s is in queue %s", l.Rule, l.Queue)
			}
			all[letter{l.EventID, l.Rule}]++
		}
		return answer.Next, err
	})
	return all
}

// pages reads a list to its end.
func (k *soak) pages(path string, read func(page []byte) (next string, err error)) {
	k.t.Helper()
	for next, first := "", true; first || next != ""; first = false {
		status, body := k.server.request(k.t, http.MethodGet, path+"?limit=1000&next="+url.QueryEscape(next), nil)
		var err error
		if status != http.StatusOK {
			err = errors.New(http.StatusText(status))
		} else {
			next, err = read(body)
		}
		if err != nil {
			k.t.Fatalf("GET %s: %v: %.300s", path, err, body)
		}
	}
}
