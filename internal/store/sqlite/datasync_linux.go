package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// datasync makes the content of a file durable, and its length, but not when it
// was changed: that would be one more write for each.
func datasync(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("syncing %s: %w", f.Name(), err)
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			if failed = syscall.Fdatasync(int(fd)); !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("syncing %s: %w", f.Name(), err)
	}
	return nil
}
