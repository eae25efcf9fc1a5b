//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFolder locks the folder itself, beside the lock in it: that one is a file,
// which somebody may remove. The lock ends with the process, or when the file
// that is returned is closed.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("the data folder %s is in use by another bailey", dir), f.Close())
	case errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EBADF):
		// Some network file systems have no such locks; the file's has to do.
		return nil, f.Close()
	case err != nil:
		return nil, errors.Join(fmt.Errorf("locking the data folder: %w", err), f.Close())
	}
	return f, nil
}
