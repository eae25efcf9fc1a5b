package bailey

import "context"

// MakeRoom does at once what the router does every few seconds.
func (r *Router) MakeRoom(ctx context.Context) error { return r.makeRoom(ctx) }
