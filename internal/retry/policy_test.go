package retry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func fixed(x float64) func() float64 { return func() float64 { return x } }

func ExamplePolicy_Decide() {
	ingested := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	f := FromResponse(503, nil, ingested)
	d := DefaultPolicy().Decide(f, 1, ingested, ingested.Add(2*time.Second), func() float64 { return 0.5 })
	fmt.Println(f.Code, d.Retry, d.At.Format(time.TimeOnly+".000"))
	// Output: ERROR_FROM_TARGET true 12:00:02.750
}

func TestBackoff(t *testing.T) {
	cases := []struct {
		n   int
		max time.Duration
	}{
		{1, time.Second}, {2, 2 * time.Second}, {3, 4 * time.Second}, {9, 256 * time.Second}, {10, 512 * time.Second},
		{11, 600 * time.Second}, {12, 600 * time.Second}, {64, 600 * time.Second}, {65, 600 * time.Second}, {185, 600 * time.Second},
	}
	almostOne := 1 - 1.0/(1<<53)
	for _, c := range cases {
		t.Run(fmt.Sprintf("X5 wait %d", c.n), func(t *testing.T) {
			if got := Backoff(c.n, fixed(0)); got != c.max/2 {
				t.Errorf("shortest: got %v, want %v", got, c.max/2)
			}
			if got := Backoff(c.n, fixed(0.5)); got != c.max*3/4 {
				t.Errorf("middle: got %v, want %v", got, c.max*3/4)
			}
			if got := Backoff(c.n, fixed(almostOne)); got > c.max || got < c.max-time.Microsecond {
				t.Errorf("longest: got %v, want %v", got, c.max)
			}
		})
	}
}

// The default policy is meant for a target that is away for a day. All its
// retries failing at once, it goes on for 22 hours on average and never for
// less than 14 h 43 min.
func TestBackoffSpan(t *testing.T) {
	span := func(random func() float64) time.Duration {
		now := noon
		for attempts := 1; ; attempts++ {
			d := DefaultPolicy().Decide(&Failure{Retryable: true}, attempts, noon, now, random)
			if !d.Retry {
				return now.Sub(noon)
			}
			now = d.At
		}
	}
	if got, want := span(fixed(0.5)), 79517250*time.Millisecond; got != want {
		t.Errorf("X4 X5: with average waits the default policy spans %v, want %v", got, want)
	}
	if got, want := span(fixed(0)), 53011500*time.Millisecond; got != want {
		t.Errorf("X4 X5: with the shortest waits the default policy spans %v, want %v", got, want)
	}
	if got := span(fixed(1)); got > MaxEventAge || got < MaxEventAge-maxBackoff {
		t.Errorf("X4: with the longest waits the default policy spans %v, want all but the last wait of %v", got, MaxEventAge)
	}
	// Jitter averages out: a delivery's span is within an hour of the average.
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		if got := span(random.Float64); got < 21*time.Hour || got > 23*time.Hour+10*time.Minute {
			t.Fatalf("X5: a delivery spanned %v, want about 22 h", got)
		}
	}
}

func TestDecide(t *testing.T) {
	retryable := &Failure{Code: ErrorFromTarget, Retryable: true}
	asked := func(d time.Duration) *Failure { return &Failure{Code: Throttling, Retryable: true, RetryAfter: d} }
	hour := Policy{MaximumRetryAttempts: 185, MaximumEventAge: time.Hour}
	cases := []struct {
		name     string
		policy   Policy
		failure  *Failure
		attempts int
		age      time.Duration // of the event when the attempt failed
		want     Decision      // At as age
		at       time.Duration
	}{
		{"X3 not retried", DefaultPolicy(), &Failure{Code: NoPermissions}, 1, 0, Decision{}, 0},
		{"X3 not retried, whatever Retry-After says", DefaultPolicy(), &Failure{RetryAfter: time.Minute}, 1, 0, Decision{}, 0},
		{"X5 first retry", DefaultPolicy(), retryable, 1, 3 * time.Second, Decision{Retry: true}, 3*time.Second + 750*time.Millisecond},
		{"X5 fourth retry", DefaultPolicy(), retryable, 4, time.Minute, Decision{Retry: true}, time.Minute + 6*time.Second},
		{"X4 the last of 185 retries", DefaultPolicy(), retryable, 185, time.Hour, Decision{Retry: true}, time.Hour + 450*time.Second},
		{"X4 after 185 retries", DefaultPolicy(), retryable, 186, time.Hour, Decision{Exhausted: ExhaustedAttempts}, 0},
		{"X4 no retries", Policy{0, time.Hour}, retryable, 1, 0, Decision{Exhausted: ExhaustedAttempts}, 0},
		{"X4 one retry", Policy{1, time.Hour}, retryable, 1, 0, Decision{Retry: true}, 750 * time.Millisecond},
		{"X4 after one retry", Policy{1, time.Hour}, retryable, 2, 0, Decision{Exhausted: ExhaustedAttempts}, 0},
		{"X4 the retry would end on the last moment", hour, retryable, 11, time.Hour - 450*time.Second, Decision{Retry: true}, time.Hour},
		{"X4 the retry would come too late", hour, retryable, 11, time.Hour - 450*time.Second + 1, Decision{Exhausted: ExhaustedAge}, 0},
		{"X4 too old already", hour, retryable, 1, 2 * time.Hour, Decision{Exhausted: ExhaustedAge}, 0},
		{"X6 longer", DefaultPolicy(), asked(time.Minute), 1, 0, Decision{Retry: true}, time.Minute},
		{"X6 never shorter", DefaultPolicy(), asked(time.Second), 4, 0, Decision{Retry: true}, 6 * time.Second},
		{"X6 never past the event's age", hour, asked(3 * time.Hour), 1, time.Minute, Decision{Retry: true}, time.Hour},
		{"X6 no retry left", Policy{0, time.Hour}, asked(time.Minute), 1, 0, Decision{Exhausted: ExhaustedAttempts}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.policy.Decide(c.failure, c.attempts, noon, noon.Add(c.age), fixed(0.5))
			if c.want.Retry {
				c.want.At = noon.Add(c.at)
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestNewPolicy(t *testing.T) {
	cases := []struct {
		name          string
		attempts, age *int
		want          Policy
		refused       bool
	}{
		{"X4 default", nil, nil, Policy{185, 24 * time.Hour}, false},
		{"X4 least", new(0), new(60), Policy{0, time.Minute}, false},
		{"X4 most", new(185), new(86400), Policy{185, 24 * time.Hour}, false},
		{"X4 attempts alone", new(3), nil, Policy{3, 24 * time.Hour}, false},
		{"X4 age alone", nil, new(3600), Policy{185, time.Hour}, false},
		{"X4 negative attempts", new(-1), nil, Policy{}, true},
		{"X4 too many attempts", new(186), nil, Policy{}, true},
		{"X4 too young", nil, new(59), Policy{}, true},
		{"X4 too old", nil, new(86401), Policy{}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := NewPolicy(c.attempts, c.age)
			if got != c.want || (err != nil) != c.refused {
				t.Errorf("got %+v, %v, want %+v, refused %v", got, err, c.want, c.refused)
			}
		})
	}
}
