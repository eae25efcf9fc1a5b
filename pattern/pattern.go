package pattern

// A Pattern is a compiled event pattern. It does not change, and any number of
// goroutines may use it.
type Pattern struct {
	text         string
	alternatives []alternative
	emptyStep    bool // an empty step inside a path is known to the pattern
}

// String returns the pattern as compact JSON, as it was written but for white
// space. Parsing it gives the same pattern.
func (p *Pattern) String() string { return p.text }

// Match reports whether the pattern matches an event, which must be known to
// be valid JSON.
func (p *Pattern) Match(event []byte) bool {
	return referenceMatch(p, string(event))
}
