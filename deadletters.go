package bailey

import (
	"context"

	"bailey/internal/store"
)

// DeadLetters returns up to limit messages of dead-letter queues, oldest
// first, that come after the one with the id.
func (r *Router) DeadLetters(ctx context.Context, which store.Undelivered, after int64, limit int) ([]store.DeadLetter, error) {
	return r.store.DeadLetters(ctx, which, after, limit)
}
