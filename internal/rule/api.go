package rule

import (
	"context"
	"iter"

	"bailey/internal/request"
)

// PutAPI registers a REST API under its id, in the place of what was registered
// there. The registry keeps api: it must not be changed any more.
func (r *Registry) PutAPI(ctx context.Context, api *request.API) error {
	if err := api.Validate(); err != nil {
		return refuse(Invalid, "%s", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.apply(ctx, kindAPI, api.ID, api); err != nil {
		return err
	}
	apis := r.apis.Load().Clone()
	apis.ReplaceOrInsert(apiItem{api.ID, api})
	r.apis.Store(apis)
	return nil
}

// DeleteAPI removes a REST API from the registry.
func (r *Registry) DeleteAPI(ctx context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.API(id); !ok {
		return refuse(NotFound, "API %s is not registered.", id)
	}
	if err := r.apply(ctx, kindAPI, id, nil); err != nil {
		return err
	}
	apis := r.apis.Load().Clone()
	apis.Delete(apiItem{id: id})
	r.apis.Store(apis)
	return nil
}

// API returns the REST API that is registered under id, from whatever region it
// is asked for. It takes no lock and does not allocate.
func (r *Registry) API(id string) (*request.API, bool) {
	item, ok := r.apis.Load().Get(apiItem{id: id})
	return item.api, ok
}

// APIs returns the registered REST APIs by id, as they are when it is called.
func (r *Registry) APIs() iter.Seq[*request.API] {
	apis := r.apis.Load()
	return func(yield func(*request.API) bool) {
		apis.Ascend(func(item apiItem) bool { return yield(item.api) })
	}
}
