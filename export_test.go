package bailey

import "context"

// MakeRoom does at once what the router does every few seconds.
func (r *Router) MakeRoom(ctx context.Context) error { return r.makeRoom(ctx) }

// Shares returns how many bytes of the store each API holds.
func (r *Router) Shares() map[string]int64 { return r.store.Shares() }

// Sweep forgets what need not be kept any longer.
func (r *Router) Sweep(ctx context.Context) { r.sweep(ctx) }
