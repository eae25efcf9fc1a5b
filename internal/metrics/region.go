package metrics

// region is a region's part of what Prometheus is shown of latencies. Histograms of every rule would be most of what a scrape
// reads, so those of a region's rules are shown together.
type region struct {
	retired [ruleLatencies]summed // of rules that were deleted; Metrics.mu
}

// summed are histograms, added up.
type summed struct {
	buckets [histogramBuckets]uint64
	sum     uint64
}

func (s *summed) add(h *histogram) {
	for i := range h.buckets {
		s.buckets[i] += h.buckets[i].Load()
	}
	s.sum += h.sum.Load()
}

// retire adds the latencies of a rule that is forgotten, so that what is shown of the region never becomes less.
func (r *region) retire(rule *Rule) {
	for i := range rule.latencies {
		r.retired[i].add(&rule.latencies[i])
	}
}
