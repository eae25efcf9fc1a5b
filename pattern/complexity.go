package pattern

// complexLimit is the most beginnings of wildcards that EventBridge lets one
// string match at once, in one automaton of one field.
const complexLimit = 10

const tooComplex = "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"

// TooComplex returns the reason for which EventBridge refuses the pattern
// although it is valid: wildcards that are too much for its automaton. It
// returns "" where there is none. This package has no need to refuse any, and
// [Parse] does not: a wildcard is matched by reading the value once.
//
// AWS counts how many states its automaton can be in at once; see
// [wildcardSet.most]. It looks at the wildcards of one field together, those of
// the branches of $or included if the fields before it are alike; see
// [nameState].
func (p *Pattern) TooComplex() string {
	judged := map[string]bool{}
	for _, set := range wildcardSets(p.alternatives) {
		key := set.key()
		if !judged[key] && set.most() > complexLimit {
			return tooComplex
		}
		judged[key] = true
	}
	return ""
}

// wildcards returns what stands between the stars of each wildcard of the test.
func (t *test) wildcards() [][]string {
	switch t.op {
	case opWildcard:
		return [][]string{t.more.list}
	case opNotWildcard:
		return t.more.wildcards
	}
	return nil
}
