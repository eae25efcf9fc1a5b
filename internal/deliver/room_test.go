package deliver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestAwaitRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{})
		d.queued.Store(10)
		if err := d.AwaitRoom(t.Context(), 10); err != nil {
			t.Errorf("with room: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		let, gone := make(chan error, 2), make(chan error, 1)
		for _, most := range []int64{5, 7} {
			go func() { let <- d.AwaitRoom(t.Context(), most) }()
		}
		go func() { gone <- d.AwaitRoom(ctx, 9) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("when its context ended: %v", err)
		}
		d.dequeued(2) // 8 are left
		synctest.Wait()
		if n := len(let); n != 0 {
			t.Errorf("%d were let through while 8 wait", n)
		}
		d.dequeued(1)
		synctest.Wait()
		if n := len(let); n != 1 {
			t.Errorf("%d were let through while 7 wait, want one", n)
		}
		d.dequeued(2)
		synctest.Wait()
		if n := len(let); n != 2 {
			t.Errorf("%d were let through while 5 wait, want both", n)
		}
	})
}
