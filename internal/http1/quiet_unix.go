//go:build unix

package http1

import "syscall"

// isQuiet reports whether there is nothing to be read from a connection, not
// even its end. Its socket does not block.
func isQuiet(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	return err == syscall.EAGAIN || err == syscall.EWOULDBLOCK //nolint:errorlint // it is never wrapped
}
