package bailey_test

import (
	"testing"
)

// BenchmarkLatency measures 1,000 events a second: from PutEvents' answer to the
// request's arrival, over ten seconds. Half of them go to a second API.
func BenchmarkLatency(b *testing.B) {
	var all50, all99 []float64
	for b.Loop() {
		p50, p99 := besideNeighbour(b, 500, newSink(b).url)
		all50, all99 = append(all50, p50), append(all99, p99)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(all50), "p50-ms")
	b.ReportMetric(median(all99), "p99-ms")
}
