package awsjson

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// read reads a body of a size within a budget.
func read(b *Budget, size int) (release func(), err error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
	var dst bytes.Buffer
	release, err = b.ReadBody(&dst, httptest.NewRecorder(), r, DefaultMaxBody)
	if err == nil && dst.Len() != size {
		err = errors.New("a part of the body is missing")
	}
	return release, err
}

// Large bodies share the budget: who gets no share is told to try again, and small bodies need none.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1 << 20)
		release, err := read(b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(b, smallBody); err != nil {
			t.Errorf("a small body: %v", err)
		}
		began := time.Now()
		none, err := read(b, 200<<10)
		none()
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "ThrottlingException" || !strings.Contains(e.Message, "1048576 bytes") || !strings.Contains(e.Message, "limits.bodiesBytes") {
			t.Errorf("got %v, want a ThrottlingException that names the limit", err)
		}
		if waited := time.Since(began); waited != shareWait {
			t.Errorf("got %v of waiting, want %v", waited, shareWait)
		}

		// Who waits gets what another gives back.
		done := make(chan error)
		go func() {
			other, err := read(b, 200<<10)
			other()
			done <- err
		}()
		synctest.Wait()
		release()
		if err := <-done; err != nil {
			t.Errorf("after a share was given back: %v", err)
		}
	})
}

// A body that is larger than the whole budget gets all of it, and its share is given back although the body is refused.
func TestBudgetOfOneBody(t *testing.T) {
	b := NewBudget(100 << 10)
	for range 3 {
		release, err := read(b, 8<<20)
		release()
		if err != nil {
			t.Fatal(err)
		}
		release, err = read(b, 8<<20+1)
		release()
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("got %v, want it too large", err)
		}
	}
}

// deadlines is a ResponseWriter that notes the read deadlines it is given.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

// Whoever has a share has little time to use it.
func TestBodyHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 1<<20)))
		var dst bytes.Buffer
		release, err := NewBudget(0).ReadBody(&dst, w, r, DefaultMaxBody)
		release()
		if err != nil {
			t.Fatal(err)
		}
		if len(w.set) != 2 || !w.set[0].Equal(time.Now().Add(bodyTime)) || !w.set[1].IsZero() {
			t.Errorf("got the deadlines %v, want one in %v and then none", w.set, bodyTime)
		}
	})
}
