package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// books say of each event what a caller was told and what the APIs saw, and nothing of what the server says. They are safe
// for concurrent use.
type books struct {
	mu       sync.Mutex
	rules    map[string][]string  // of each accepted event: the rules that it is for
	requests map[string][]request // by Idempotency-Key
	kills    []time.Time
	unknown  int // entries of calls that were cut off before their answer
}

// request is one that an API received.
type request struct {
	came, answered time.Time
	attempt        int
	success        bool
}

// settles says whether the server must have seen the answer: one that took long may have come when its time was over.
func (r *request) settles() bool { return r.success && r.answered.Sub(r.came) < 2*time.Second }

func newBooks() *books {
	return &books{rules: map[string][]string{}, requests: map[string][]request{}}
}

func (b *books) accepted(event string, rules []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules[event] = rules
}

func (b *books) cutOff(entries int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unknown += entries
}

// killed writes down that the server was killed: after the APIs have seen all that it had sent, and before the next one is started.
func (b *books) killed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kills = append(b.kills, time.Now())
}

func (b *books) saw(key string, r request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests[key] = append(b.requests[key], r)
}

// String is for complaints.
func (r request) String() string {
	return fmt.Sprintf("attempt %d at %s, answered after %v, success %v", r.attempt, r.came.Format("05.000"), r.answered.Sub(r.came).Round(time.Millisecond), r.success)
}

// killedSince says whether the server was killed after the request came and before the moment, and too soon after the
// answer to have written it down.
func (b *books) killedSince(r *request, before time.Time) bool {
	const grace = 10 * time.Second // in which an outcome is durable, on a machine that does much else
	for _, k := range b.kills {
		if k.After(r.came) && k.Before(before) && k.Sub(r.answered) < grace {
			return true
		}
	}
	return false
}

// audit compares the books with the server's log and its dead letters, which were read while nothing moved.
func (b *books) audit(t *testing.T, log log, letters map[letter]int, when string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	now, wrong := time.Now(), 0
	complain := func(format string, args ...any) {
		t.Helper()
		if wrong++; wrong <= 20 {
			t.Errorf(when+": "+format, args...)
		}
	}
	expected, inQueues := 0, 0
	for event, rules := range b.rules {
		if len(log[event]) != len(rules) {
			complain("event %s is for %v, and in the log are deliveries of %d rules: %+v", event, rules, len(log[event]), log[event])
		}
		for _, rule := range rules {
			expected++
			if len(log[event][rule]) != 1 {
				complain("event %s has %d deliveries for rule %s, want one", event, len(log[event][rule]), rule)
				continue
			}
			d := log[event][rule][0]
			if why := b.check(&d, now); why != "" {
				complain("%s: %+v; requests: %v", why, d, b.requests[d.IdempotencyKey])
			}
			want := 0
			if d.Status == "dead" && hasQueue(rule) {
				want = 1
			}
			if got := letters[letter{event, rule}]; got != want {
				complain("%d messages in dead-letter queues, want %d: %+v", got, want, d)
			}
			inQueues += want
		}
	}
	strangers, messages := 0, 0
	for event := range log {
		if b.rules[event] == nil {
			strangers++
		}
	}
	if strangers > b.unknown {
		complain("the server knows of %d events that nobody put: %d entries were cut off", strangers, b.unknown)
	}
	for l, n := range letters {
		messages += n
		if _, ok := log[l.event][l.rule]; !ok {
			complain("there is a message about %+v, and no such delivery", l)
		}
	}
	requests := 0
	for _, all := range b.requests {
		requests += len(all)
	}
	t.Logf("%s: %d events accepted, %d deliveries: %d delivered, %d dead, %d pending (those of %d events whose answer was cut off included); %d messages, %d of them of accepted events; %d requests, %d kills",
		when, len(b.rules), expected, log.count("delivered"), log.count("dead"), log.count("pending"), strangers, messages, inQueues, requests, len(b.kills))
	if wrong > 20 {
		t.Errorf("%s: and %d more", when, wrong-20)
	}
}

// check says what is wrong with a line of the log, by what the API saw of the delivery: "" if nothing is.
func (b *books) check(d *line, now time.Time) string {
	var last *request // success
	attempts := map[int]bool{}
	for i := range b.requests[d.IdempotencyKey] {
		r := &b.requests[d.IdempotencyKey][i]
		if last != nil && last.settles() && !b.killedSince(last, r.came) {
			return fmt.Sprintf("was sent again at %s after a success, and no kill explains it", r.came.Format("05.000"))
		}
		if r.success {
			last = r
			attempts[r.attempt] = true
		}
	}
	switch d.Status {
	case "delivered":
		if last == nil {
			return "the API has not taken it"
		}
		if !attempts[d.EarlierAttempts+d.Attempts] {
			return "the API did not take it at that attempt"
		}
	case "dead", "pending":
		if last != nil && last.settles() && !b.killedSince(last, now) {
			return "the API has taken it, and no kill explains that this is not known"
		}
	default:
		return "has a status that there is not"
	}
	return ""
}

// mood is how an API answers for a while.
type mood int

const (
	well mood = iota
	failing
	unavailable
	limited
	refusing
	hanging
	resetting
	slow
	flapping
	moods
)

// fickle is an API with moods. It writes down in the books what it sees.
type fickle struct {
	*witness
	books *books
	ended chan struct{}
	plan  []mood // one after the other, each for a moodLasts

	mu     sync.Mutex
	random *rand.Rand
	begun  time.Time // zero before and after its moods
}

const moodLasts = 500 * time.Millisecond

// newFickle starts an API, which is well but from begin to heal. It ends with the test.
func newFickle(t *testing.T, b *books, random *rand.Rand, lasts time.Duration) *fickle {
	t.Helper()
	f := &fickle{books: b, random: random, ended: make(chan struct{})}
	for len(f.plan) <= int(lasts/moodLasts) {
		m := well
		if random.IntN(3) > 0 {
			m = mood(random.IntN(int(moods)))
		}
		for range 1 + random.IntN(6) {
			f.plan = append(f.plan, m)
		}
	}
	f.witness = newWitness(t, f)
	t.Cleanup(func() { close(f.ended) }) // before the API ends, which waits for the requests under way
	return f
}

// begin lets the API have its moods, and heal makes it well again.
func (f *fickle) begin() { f.set(time.Now()) }

func (f *fickle) heal() { f.set(time.Time{}) }

func (f *fickle) set(begun time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = begun
}

// mood returns how the API is now, and a number from 0 to 99.
func (f *fickle) mood() (mood, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun.IsZero() {
		return well, 0
	}
	return f.plan[int(time.Since(f.begun)/moodLasts)%len(f.plan)], f.random.IntN(100)
}

// hangingRoute is the path of an API that never answers until the API is healed,
// whatever its mood.
const hangingRoute = "/hangs"

func (f *fickle) healed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begun.IsZero()
}

// ServeHTTP is the API.
func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the server was killed while it wrote
	}
	mood, chance := f.mood()
	if strings.HasSuffix(r.URL.Path, hangingRoute) && !f.healed() {
		mood = hanging
	}
	status := http.StatusOK
	switch mood {
	case failing:
		status = http.StatusInternalServerError
	case unavailable:
		status = http.StatusServiceUnavailable
	case limited:
		if chance < 70 {
			w.Header().Set("Retry-After", "1")
			status = http.StatusTooManyRequests
		}
	case refusing:
		if chance < 30 {
			status = http.StatusBadRequest
		}
	case hanging:
		if chance < 90 {
			select {
			case <-r.Context().Done():
			case <-f.ended:
			}
			return
		}
	case resetting:
		if chance < 80 {
			panic(http.ErrAbortHandler)
		}
	case slow:
		select {
		case <-time.After(time.Duration(chance) * 5 * time.Millisecond):
		case <-f.ended:
		}
	case flapping:
		if chance < 50 {
			status = http.StatusBadGateway
		}
	case well, moods:
	}
	attempt, err := strconv.Atoi(r.Header.Get("Bailey-Attempt"))
	if err != nil {
		status = http.StatusBadRequest // and so its deliveries are dead, which the audit sees
	}
	w.WriteHeader(status)
	f.books.saw(r.Header.Get("Idempotency-Key"), request{came: came, answered: time.Now(), attempt: attempt, success: status == http.StatusOK})
}
