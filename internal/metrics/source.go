package metrics

import (
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"
)

// sources are the sources whose events have matched. Callers invent their names, so there are never more than limit of them;
// the others are counted together.
type sources struct {
	limit int
	// known is replaced, never changed, by whoever holds mu.
	known atomic.Pointer[map[sourceKey]*Source]
	mu    sync.Mutex
	other Source
}

// sourceKey has a source as it is in JSON.
type sourceKey struct{ region, source string }

// Source returns the handle of a source of events in a region, the same one for the same names. Source is as in the JSON of an
// event, without the quotation marks; it is not kept.
func (m *Metrics) Source(region string, source []byte) *Source {
	known := m.sources.known.Load()
	if known != nil {
		if s := (*known)[sourceKey{region, string(source)}]; s != nil {
			return s
		}
		if len(*known) >= m.sources.limit {
			return &m.sources.other
		}
	}
	return m.sources.add(sourceKey{region, string(source)})
}

func (s *sources) add(key sourceKey) *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all()
	if source := all[key]; source != nil {
		return source
	}
	if len(all) >= s.limit {
		return &s.other
	}
	if all = maps.Clone(all); all == nil {
		all = make(map[sourceKey]*Source)
	}
	source := &Source{region: key.region}
	if err := json.Unmarshal([]byte(`"`+key.source+`"`), &source.name); err != nil {
		return &s.other // it is in no event
	}
	all[key] = source
	s.known.Store(&all)
	return source
}

// all returns the sources that are told apart; it must not be changed.
func (s *sources) all() map[sourceKey]*Source {
	if known := s.known.Load(); known != nil {
		return *known
	}
	return nil
}

// each calls f for every source, and at last for the others together.
func (s *sources) each(f func(*Source)) {
	for _, source := range s.all() {
		f(source)
	}
	f(&s.other)
}
