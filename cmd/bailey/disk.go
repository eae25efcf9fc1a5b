package main

import (
	"os"
	"runtime"
)

// makeWayForDisk lets two more goroutines run than there are processors. A
// goroutine that waits for the disk counts as running until the runtime notices
// that it does not, and two of them do little else: the store's writer, in each
// commit's sync, and its copier. With two processors, half of what there is would
// wait with the writer, which cost BenchmarkDeliver a fifth.
//
// The environment variable GOMAXPROCS says otherwise.
func makeWayForDisk() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
}
