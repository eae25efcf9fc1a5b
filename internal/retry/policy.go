package retry

import (
	"fmt"
	"time"
)

// The bounds of a policy, which are also the default policy (X4).
const (
	MaxRetryAttempts = 185
	MaxEventAge      = 24 * time.Hour
	MinEventAge      = time.Minute
)

// A Policy says when retries end: after so many of them or at such an age of
// the event, whichever is first (X4). The zero value allows no retry; use
// [DefaultPolicy] or [NewPolicy].
type Policy struct {
	MaximumRetryAttempts int           // retries after the first attempt, 0 to 185
	MaximumEventAge      time.Duration // since ingestion, 60 s to 24 h
}

// DefaultPolicy is the policy of a target that does not have its own: 185
// retries within 24 hours.
func DefaultPolicy() Policy {
	return Policy{MaximumRetryAttempts: MaxRetryAttempts, MaximumEventAge: MaxEventAge}
}

// NewPolicy returns the policy of a target's RetryPolicy, where nil stands for
// the default. It refuses what lies outside the bounds of X4.
func NewPolicy(maximumRetryAttempts, maximumEventAgeInSeconds *int) (Policy, error) {
	p := DefaultPolicy()
	if n := maximumRetryAttempts; n != nil {
		if *n < 0 || *n > MaxRetryAttempts {
			return Policy{}, fmt.Errorf("MaximumRetryAttempts is %d; it must be from 0 to %d", *n, MaxRetryAttempts)
		}
		p.MaximumRetryAttempts = *n
	}
	if s := maximumEventAgeInSeconds; s != nil {
		if *s < int(MinEventAge/time.Second) || *s > int(MaxEventAge/time.Second) {
			return Policy{}, fmt.Errorf("MaximumEventAgeInSeconds is %d; it must be from %d to %d",
				*s, MinEventAge/time.Second, MaxEventAge/time.Second)
		}
		p.MaximumEventAge = time.Duration(*s) * time.Second
	}
	return p, nil
}

// What ended the retries, as the dead letter's EXHAUSTED_RETRY_CONDITION says.
const (
	ExhaustedAttempts = "MaximumRetryAttempts"
	ExhaustedAge      = "MaximumEventAgeInSeconds"
)

// A Decision is what follows a failed attempt: another one at a time, or the
// end of the delivery (X7).
type Decision struct {
	Retry     bool
	At        time.Time // when the next attempt is due, if there is one
	Exhausted string    // why retries ended; "" if there is another, or if the failure is one that is not retried
}

// Decide says what follows failure f. attempts counts the attempts made so far,
// that one included, so it is at least 1; ingested is when Bailey took the
// event; random returns a number in [0, 1), evenly spread.
//
// Decide is asked after an attempt, never before one: what is due is tried, so
// that an event that grew old while Bailey stood still is tried once more.
//
// The wait is that of [Backoff]. Retry-After makes it longer, but so that the
// next attempt is still within the event's age (X6). Where the backoff alone
// would end after that, the retries are over now, so that nothing waits for a
// time at which it would only be given up.
func (p Policy) Decide(f *Failure, attempts int, ingested, now time.Time, random func() float64) Decision {
	switch {
	case !f.Retryable:
		return Decision{}
	case attempts > p.MaximumRetryAttempts:
		return Decision{Exhausted: ExhaustedAttempts}
	}
	deadline := ingested.Add(p.MaximumEventAge)
	at := now.Add(Backoff(attempts, random))
	if at.After(deadline) {
		return Decision{Exhausted: ExhaustedAge}
	}
	if asked := now.Add(f.RetryAfter); asked.After(at) {
		at = asked
		if at.After(deadline) {
			at = deadline
		}
	}
	return Decision{Retry: true, At: at}
}

const (
	firstBackoff = time.Second
	maxBackoff   = 600 * time.Second
)

// Backoff returns the wait before retry n, the first being 1: evenly spread
// over [b/2, b], where b is 1 s for the first retry, twice as long for each
// further one, and never more than 600 s (X5). So the first retry comes after
// 0.5 to 1 s, the eleventh and each after it after 5 to 10 minutes.
//
// The 185 waits of the default policy add up to 22 h 5 min on average: a target
// has its 24 hours to come back, and it is the count of retries that ends them.
func Backoff(n int, random func() float64) time.Duration {
	b := maxBackoff
	if n = max(n, 1); n <= 10 {
		b = min(firstBackoff<<(n-1), maxBackoff)
	}
	return b/2 + time.Duration(random()*float64(b/2))
}
