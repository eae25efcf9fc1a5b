package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How often the process is looked at, how much it allocates in that time at most when it is at rest, and how much it must
// have allocated since memory was given back for there to be something to give.
const (
	restEvery = 10 * time.Second
	restMost  = 2 << 20
	restLeast = 16 << 20
)

// giveBack gives memory that is not needed any longer back to the system once the process has come to rest: after a start
// with many rules, or a storm of events. The runtime would keep about as much free as is in use.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(restEvery)
	defer tick.Stop()
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var r rest
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if metrics.Read(allocated); r.come(allocated[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// rest finds out when a process has come to rest.
type rest struct{ before, given uint64 }

// come is told now and then how much has ever been allocated, and reports whether memory should be given back now.
func (r *rest) come(allocated uint64) bool {
	resting := allocated-r.before < restMost && allocated-r.given > restLeast
	r.before = allocated
	if resting {
		r.given = allocated
	}
	return resting
}
