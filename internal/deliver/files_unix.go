//go:build unix

package deliver

import (
	"math"
	"syscall"
)

// openFiles returns how many files, connections among them, the process may
// have open.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32 // unlimited, or nobody knows
	}
	return int(limit.Cur)
}
