//go:build !unix

package sqlite

import "os"

// lockFolder does nothing where folders cannot be locked: the lock in it, an open
// file, cannot be removed there.
func lockFolder(string) (*os.File, error) { return nil, nil }
