//go:build unix

package http1

import (
	"errors"
	"syscall"
)

// isQuiet reports whether there is nothing to be read from a connection, not
// even its end. Its socket does not block.
func isQuiet(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EWOULDBLOCK)
}
