package pattern

import "fmt"

// An Explanation says whether a pattern matches an event and why not.
type Explanation struct {
	Matched bool
	Reason  string // the first clause that failed, in words; empty if matched
}

// Explain matches one event, which must be valid JSON, and words the result.
func Explain(p *Pattern, event []byte) Explanation {
	if p.Match(event) {
		return Explanation{Matched: true}
	}
	return Explanation{Reason: fmt.Sprintf("%s does not match", p)}
}
