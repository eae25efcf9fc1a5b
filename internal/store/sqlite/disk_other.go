//go:build !linux && !darwin

package sqlite

// diskFree is how many bytes the disk of the folder has left for this process;
// false where that is not known.
func diskFree(string) (int64, bool) { return 0, false }
