package metrics

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram's buckets are four to each doubling: of values beyond four units, a bucket's widest and narrowest differ by no
// more than a quarter. Bucket i holds the values above its lower bound and up to its upper one; see [Metric.Bounds].
//
// With a unit of 125 microseconds the last but one ends at 37 hours, past the age at which a delivery is given up (X4);
// the last one has no end.
const (
	histogramBuckets = 4*(doublings-1) + 1
	doublings        = 31
	latencyUnit      = 125 * time.Microsecond
	sizeUnit         = 64 // bytes
	countUnit        = 1
)

// histogram counts values, each in the unit's own measure: nanoseconds, bytes or a number. The zero value is empty and
// ready. It is safe for concurrent use.
type histogram struct {
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Uint64
	// The largest value since the last take, and the complement of the smallest, so that zero stands for none.
	high, low atomic.Uint64
}

// observe counts one value.
func (h *histogram) observe(value, unit uint64) {
	raise(&h.high, value)
	raise(&h.low, ^value)
	h.sum.Add(value)
	h.buckets[bucketOf(value, unit)].Add(1)
}

func raise(x *atomic.Uint64, to uint64) {
	for {
		old := x.Load()
		if to <= old || x.CompareAndSwap(old, to) {
			return
		}
	}
}

// latency counts the time from one moment to another, and nothing less than no time: clocks are set back.
func (h *histogram) latency(from, to time.Time) {
	h.observe(uint64(max(to.Sub(from), 0)), uint64(latencyUnit))
}

// bucketOf returns the bucket of a value. The first four buckets are a unit wide; after them each doubling has four.
func bucketOf(value, unit uint64) int {
	if value <= unit {
		return 0
	}
	q := (value - 1) / unit
	if q < 4 {
		return int(q)
	}
	doubling := bits.Len64(q) - 1
	return min(4*(doubling-1)+int(q>>(doubling-2)&3), histogramBuckets-1)
}

// upperBound is the largest value of a bucket, in units; infinite for the last one.
func upperBound(bucket int) float64 {
	switch {
	case bucket < 4:
		return float64(bucket + 1)
	case bucket == histogramBuckets-1:
		return math.Inf(1)
	}
	return float64(bucket%4+5) * float64(uint64(1)<<(bucket/4-1))
}
