package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bailey/internal/store"
)

// kindPaused is the kind of the documents that remember paused endpoints.
const kindPaused = "paused"

// Pause lets deliveries wait in the store instead of sending them, until
// Resume, across restarts. Their events' ages go on.
func (d *Dispatcher) Pause(ctx context.Context, key store.Endpoint) error {
	return d.setPaused(ctx, key, true)
}

// Resume sends again what Pause has held back. An open circuit is closed with
// it: whoever resumes an endpoint says that it is well.
func (d *Dispatcher) Resume(ctx context.Context, key store.Endpoint) error {
	return d.setPaused(ctx, key, false)
}

func (d *Dispatcher) setPaused(ctx context.Context, key store.Endpoint, paused bool) error {
	key = key.Whole()
	doc := store.Document{Kind: kindPaused, Key: key.API + "/" + key.Stage}
	if paused {
		body, err := json.Marshal(key)
		if err != nil {
			return fmt.Errorf("pausing an endpoint: %w", err)
		}
		doc.Body = body
	}
	if err := d.cfg.Store.Apply(ctx, []store.Document{doc}); err != nil {
		return fmt.Errorf("pausing or resuming an endpoint: %w", err)
	}
	d.active.Add(1) // what is taken out of memory is nowhere until it is parked
	defer d.active.Add(-1)
	d.parkAll(d.endpoint(key).setPaused(paused))
	return nil
}

// setPaused pauses the endpoint, or resumes it and closes its circuits. It
// returns what waits in memory for a row. Workers that have found nothing to do
// are gone by then, so it is seen to that there are new ones.
func (e *endpoint) setPaused(paused bool) []*delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paused, e.candidate = paused, nil
	var waiting []*delivery
	for _, r := range e.routes {
		switch {
		case paused:
			waiting = append(waiting, r.empty()...)
		case r.circuit.open:
			r.circuit = circuit{}
			r.governor.restart()
		}
	}
	if !paused && e.circuit.open {
		e.circuit, e.ramp = circuit{}, 1
	}
	e.review()
	e.d.loader.noteAll(e, nil, e.d.clock.Now(), true)
	return waiting
}

func (d *Dispatcher) loadPaused(ctx context.Context) error {
	return d.cfg.Store.Documents(ctx, func(doc store.Document) error {
		if doc.Kind != kindPaused {
			return nil
		}
		var key store.Endpoint
		if err := json.Unmarshal(doc.Body, &key); err != nil {
			return errors.Join(fmt.Errorf("reading which endpoints are paused: %s", doc.Key), err)
		}
		e := d.endpoint(key)
		e.mu.Lock()
		e.paused = true
		e.mu.Unlock()
		return nil
	})
}
