package redrive

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// The rate is kept on average to the nanosecond, and no more than a tenth of a
// second's deliveries, or one, become pending at once.
func TestPace(t *testing.T) {
	for _, rate := range []float64{minRate, 0.001, 0.5, 1, 2.5, 9.99, 10, 15, 99, 100, 3333, 5000, 100_000, MaxRate} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			n, wait := pace(rate)
			if got := float64(n) / wait.Seconds(); math.Abs(got-rate) > rate/1e5 {
				t.Errorf("%d every %v is %v a second, want %v", n, wait, got, rate)
			}
			if n < 1 || n > chunk || float64(n) > max(1, rate*stride.Seconds()) {
				t.Errorf("%d at once", n)
			}
		})
	}
	if n, wait := pace(0); n != chunk || wait != time.Duration(0) {
		t.Errorf("without a rate: %d every %v, want %d and no wait", n, wait, chunk)
	}
}
