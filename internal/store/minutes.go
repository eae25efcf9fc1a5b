package store

// Series names who counted what is kept minute by minute: a rule, an event bus
// (Rule is empty), a region (Bus is empty too) or a source of events (Bus alone
// is empty, and Rule is the source).
type Series struct{ Region, Bus, Rule string }

// Minute is what a series came to in one minute, or in a part of it. What is
// in it is for package history to know.
type Minute struct {
	Series Series
	At     int64 // minutes since 1970
	Body   []byte
	// Latest replaces what was kept for the series as a whole.
	Latest []byte
}

// MinuteQuery selects minutes from From up to, not including, To.
type MinuteQuery struct {
	Region   string
	Bus      string
	AllBuses bool // Bus does not count
	Rule     string
	AllRules bool // every rule, and nothing but rules
	From, To int64
}

// Selects says whether the query selects minutes of the series, as far as it
// names one.
func (q *MinuteQuery) Selects(s Series) bool {
	return q.Region == s.Region && (q.AllBuses || q.Bus == s.Bus) &&
		(q.AllRules && s.Rule != "" || !q.AllRules && q.Rule == s.Rule)
}
