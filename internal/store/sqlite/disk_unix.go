//go:build linux || darwin

package sqlite

import "syscall"

// diskFree is how many bytes the disk of the folder has left for this process;
// false where that is not known.
func diskFree(dir string) (int64, bool) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, false
	}
	return int64(disk.Bavail) * int64(disk.Bsize), true //nolint:gosec,unconvert // no disk has as many bytes, and the types differ by system
}
