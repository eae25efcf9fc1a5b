//go:build !unix

package deliver

import "math"

// openFiles returns how many files, connections among them, the process may
// have open: here there is no limit that could be asked for.
func openFiles() int { return math.MaxInt32 }
