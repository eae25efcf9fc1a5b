package history

import (
	"context"
	"fmt"
	"time"

	"bailey/internal/metrics"
	"bailey/internal/store"
)

// Read calls each with what the metric came to in minutes that the query
// selects, up to this moment. The minutes, in minutes since 1970, come in no
// order, and one may come several times: their values are to be added.
func (r *Recorder) Read(ctx context.Context, q store.MinuteQuery, m metrics.Metric, each func(at int64, v metrics.Values)) error {
	r.storing.RLock()
	defer r.storing.RUnlock()
	r.mu.Lock()
	r.take()
	q.From = max(q.From, r.oldest())
	for s, p := range r.open {
		if q.Selects(s) && q.From <= r.at && r.at < q.To {
			p.each(m, r.at, each)
		}
	}
	pending := r.pending
	r.mu.Unlock()

	one := func(minute store.Minute) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := parsePoint(minute.Body)
		if err != nil {
			return fmt.Errorf("minute %d of %v: %w", minute.At, minute.Series, err)
		}
		p.each(m, minute.At, each)
		return nil
	}
	for _, minute := range pending {
		if q.Selects(minute.Series) && q.From <= minute.At && minute.At < q.To {
			if err := one(minute); err != nil {
				return err
			}
		}
	}
	return r.cfg.Store.Minutes(ctx, q, one)
}

func (p point) each(m metrics.Metric, at int64, each func(int64, metrics.Values)) {
	for i := range p {
		if p[i].metric == m {
			each(at, p[i].values)
		}
	}
}

// oldest is the first minute that is kept; the caller holds mu.
func (r *Recorder) oldest() int64 { return r.at - int64(Retention/time.Minute) + 1 }

// Kept is a metric of a series of which there are minutes.
type Kept struct {
	Series store.Series
	Metric metrics.Metric
	// Latest is the end of the newest minute that has it.
	Latest time.Time
}

// List returns, in no order, what a region has minutes of, up to this moment.
func (r *Recorder) List(region string) []Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
	oldest := r.oldest()
	var all []Kept
	for s, l := range r.latest {
		if s.Region != region {
			continue
		}
		for _, m := range metrics.All() {
			if l[m] >= oldest {
				all = append(all, Kept{s, m, time.Unix(60*(l[m]+1), 0).UTC()})
			}
		}
	}
	return all
}
