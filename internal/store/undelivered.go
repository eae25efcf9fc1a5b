package store

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bailey/internal/event"
)

// Undelivered selects deliveries that were given up, and the messages about them in
// dead-letter queues. Zero fields select everything.
type Undelivered struct {
	Queue     string // ARN of the dead-letter queue that holds the message
	Event     *event.ID
	Region    string
	Bus       string
	Rule      string
	Target    string
	API       string
	ErrorCode string
	// Since and Until bound when the delivery was given up: from the one up to,
	// and without, the other.
	Since, Until time.Time
}

// Selects says whether the selection, as far as it names routes, selects r.
func (u *Undelivered) Selects(r Route) bool {
	q := Query{Region: u.Region, Bus: u.Bus, Rule: u.Rule, Target: u.Target}
	return q.Selects(r)
}

// Redrive is the sending again of many deliveries that were given up. It is
// kept in the store, and how far it has come is written with the deliveries
// that it made pending: it goes on after a restart where it was, and no
// delivery is made pending twice by it.
type Redrive struct {
	ID int64 // 0 where there was nothing to do, which is not kept
	Of Undelivered
	// Rate is how many deliveries become pending in a second; 0 is no limit.
	Rate    float64
	State   RedriveState
	Created time.Time // it takes what was given up until then
	Ended   time.Time // zero while it runs
	// Matched is how many deliveries were selected when it was created, and
	// Redriven how many of them have been made pending so far. Who takes a
	// message out of its queue meanwhile makes the difference.
	Matched, Redriven int64
	// After is the last delivery that was looked at.
	After Ref
}

// RedriveState is where a redrive stands.
type RedriveState string

// The states of a redrive.
const (
	RedriveRunning   RedriveState = "running"
	RedriveDone      RedriveState = "done"
	RedriveCancelled RedriveState = "cancelled"
)

// ErrRedrives is returned when as many redrives are running as may.
var ErrRedrives = errors.New("too many redrives are running")

// MaxMessage is how many bytes SQS takes of a message, its attributes among
// them.
const MaxMessage = 1 << 20

// Attributes are the message attributes of a dead letter, by name, all of them
// text. None is empty, and none has a character that SQS does not take. How
// often it was retried is said where the retries ran out, as by AWS.
func (d *DeadLetter) Attributes() map[string]string {
	all := map[string]string{
		"RULE_ARN":      d.RuleARN,
		"TARGET_ARN":    d.TargetARN,
		"ERROR_CODE":    d.ErrorCode,
		"ERROR_MESSAGE": d.ErrorMessage,
	}
	if d.Exhausted != "" {
		all["RETRY_ATTEMPTS"] = strconv.Itoa(d.RetryAttempts)
		all["EXHAUSTED_RETRY_CONDITION"] = d.Exhausted
	}
	for name, value := range all {
		if value = strings.Map(permitted, value); value == "" {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	return all
}

// Size is how many bytes the message has for SQS: its body, and of each
// attribute the name, the type and the value.
func (d *DeadLetter) Size() int {
	size := len(d.Body)
	for name, value := range d.Attributes() {
		size += len(name) + len("String") + len(value)
	}
	return size
}

// Permitted returns text with a replacement for what SQS does not take in a
// message: bytes that are no UTF-8, and characters that XML does not have.
func Permitted(text []byte) []byte { return bytes.Map(permitted, text) }

// permitted replaces a character that SQS does not take: those that XML does
// not have.
func permitted(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
		return utf8.RuneError
	}
	return r
}
