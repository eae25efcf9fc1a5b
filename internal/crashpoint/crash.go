//go:build crashpoints

package crashpoint

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// point is where to end the process, the times-th time that it comes there:
// BAILEY_CRASHPOINT is committed:3. No build that anybody runs reads it.
var (
	point, count, _ = strings.Cut(os.Getenv("BAILEY_CRASHPOINT"), ":")
	times, _        = strconv.ParseInt(count, 10, 64)
	reached         atomic.Int64

	fault, faultCount, _ = strings.Cut(os.Getenv("BAILEY_FAULT"), ":")
	faultTimes, _        = strconv.ParseInt(faultCount, 10, 64)
	failed               atomic.Int64
)

// Fail returns an error once, the times-th time that it is called with the name
// that was asked for: BAILEY_FAULT is sync:3.
func Fail(name string) error {
	if name == fault && failed.Add(1) == faultTimes {
		return errors.New("input/output error, as a test wants it")
	}
	return nil
}

// Reach ends the process if the point is the one that was asked for.
func Reach(name string) {
	if name != point || reached.Add(1) != times {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	if err := self.Kill(); err != nil {
		panic(err)
	}
	select {} // the signal is on its way
}
