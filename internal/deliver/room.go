package deliver

import "context"

// AwaitRoom returns when no more than most deliveries wait in memory, or with
// ctx's error. Whoever has much to deliver and no caller who waits for it asks
// before each part, so as not to run ahead of the targets.
func (d *Dispatcher) AwaitRoom(ctx context.Context, most int64) error {
	if d.queued.Load() <= most {
		return ctx.Err()
	}
	d.roomMu.Lock()
	defer d.roomMu.Unlock()
	d.roomWanted.Add(1)
	defer d.roomWanted.Add(-1)
	end := context.AfterFunc(ctx, d.tellRoom)
	defer end()
	for d.queued.Load() > most && ctx.Err() == nil {
		d.room.Wait()
	}
	return ctx.Err()
}

// dequeued counts deliveries that do not wait in memory any more.
func (d *Dispatcher) dequeued(n int64) {
	d.queued.Add(-n)
	if d.roomWanted.Load() > 0 {
		d.tellRoom()
	}
}

func (d *Dispatcher) tellRoom() {
	d.roomMu.Lock()
	d.roomMu.Unlock() //nolint:staticcheck // whoever looked before this is waiting by now
	d.room.Broadcast()
}
