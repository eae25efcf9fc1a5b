package metrics

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram's buckets double in width: bucket i holds the values v with v <= unit<<i that are in no bucket before it.
// With a unit of 125 microseconds the last but one ends at 37 hours, past the age at which a delivery is given up (X4);
// the last one has no end.
const (
	histogramBuckets = 32
	latencyUnit      = 125 * time.Microsecond
	sizeUnit         = 64 // bytes
)

// histogram counts values, each in the unit's own measure: nanoseconds or bytes. The zero value is empty and ready. It is
// safe for concurrent use.
type histogram struct {
	buckets [histogramBuckets]atomic.Uint64
	sum     atomic.Uint64
}

// observe counts one value.
func (h *histogram) observe(value, unit uint64) {
	bucket := 0
	if value > unit {
		bucket = min(bits.Len64((value-1)/unit), histogramBuckets-1)
	}
	h.buckets[bucket].Add(1)
	h.sum.Add(value)
}

// latency counts the time from one moment to another, and nothing less than no time: clocks are set back.
func (h *histogram) latency(from, to time.Time) {
	h.observe(uint64(max(to.Sub(from), 0)), uint64(latencyUnit))
}
