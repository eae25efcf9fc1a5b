package awsjson

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

// DefaultBudget is how many bytes the bodies of all requests may have together,
// see [Budget].
const DefaultBudget = 64 << 20

const (
	// smallBody is the size up to which a body takes no share of a budget: the
	// number of connections bounds these.
	smallBody = 64 << 10
	// shareWait is how long a request waits for its share.
	shareWait = 5 * time.Second
	// bodyTime is how long a body may take to arrive once it has its share, so
	// that those who send slowly cannot hold all of the budget.
	bodyTime = 10 * time.Second
)

// Budget bounds the memory that the bodies of requests take together. A body
// of more than 64 KiB needs a share of its whole size before the rest of it is
// read; where none is free, the request waits for a few seconds and is then
// refused with ThrottlingException, which AWS's SDKs try again. Small bodies
// never wait. A Budget may be used concurrently; nil is one without a bound.
type Budget struct {
	size  int64
	bytes *semaphore.Weighted
}

// NewBudget returns a budget of a number of bytes; 0 means [DefaultBudget].
func NewBudget(size int64) *Budget {
	if size == 0 {
		size = DefaultBudget
	}
	return &Budget{size, semaphore.NewWeighted(size)}
}

// share is what one request has of a budget.
type share struct {
	budget *Budget
	size   int64
}

// take waits for a share of size bytes, or as many as there are at all. The
// error is an *Error.
func (b *Budget) take(ctx context.Context, size int64) (share, error) {
	if b == nil || size <= 0 {
		return share{}, nil
	}
	size = min(size, b.size)
	ctx, cancel := context.WithTimeout(ctx, shareWait)
	defer cancel()
	if err := b.bytes.Acquire(ctx, size); err != nil {
		return share{}, &Error{Code: "ThrottlingException", Status: http.StatusBadRequest,
			Message: fmt.Sprintf("The bodies of all requests under way have %d bytes, which is all they may have (limits.bodiesBytes). Try again.", b.size)}
	}
	return share{b, size}, nil
}

// release gives a share back.
func (s share) release() {
	if s.budget != nil {
		s.budget.bytes.Release(s.size)
	}
}
