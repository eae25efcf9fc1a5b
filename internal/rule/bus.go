package rule

import (
	"context"
	"maps"
	"slices"
	"strings"

	"bailey/internal/arn"
)

// CreateBus creates the event bus that b describes, in b.Region.
func (r *Registry) CreateBus(ctx context.Context, b Bus) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := busKey{b.Region, b.Name}
	buses := *r.buses.Load()
	if b.Name == DefaultBus || buses[key] != nil {
		return refuse(Exists, "Event bus %s already exists.", b.Name)
	}
	source, refused := r.sourceOf(&b)
	if refused != nil {
		return refused
	}
	if refused := checkDeadLetters(b.Region, b.DeadLetterConfig, AccessDenied); refused != nil {
		return refused
	}
	tags, err := newTags(nil, b.Tags)
	if err != nil {
		return err
	}
	count := 0
	for other := range buses {
		if other.region == b.Region && other.name != DefaultBus {
			count++
		}
	}
	if count >= r.quotas.BusesPerRegion {
		return limitExceeded()
	}
	b.Tags = tags
	b.Created = r.now().UTC()
	b.Modified = b.Created
	created := newBus(key)
	created.config.Store(&b)
	changes := []change{{kindBus, key.document(), b}}
	if source != nil {
		active := source.in(SourceActive, b.Created)
		changes = append(changes, source.become(active))
		source = active
	}
	if err := r.applyAll(ctx, changes...); err != nil {
		return err
	}
	r.publish(created)
	if source != nil {
		r.sources.set(source.Region, source.document(), source)
	}
	return nil
}

// sourceOf returns the partner's event source that a new bus is for, nil if the
// bus is for none, or says what is wrong with the bus's name.
func (r *Registry) sourceOf(b *Bus) (*EventSource, *Error) {
	switch {
	case b.EventSourceName != "" && b.Name != b.EventSourceName:
		return nil, refuse(Invalid, "Event bus name must match event source name.")
	case b.EventSourceName != "":
		s := r.source(b.Region, b.EventSourceName, r.account)
		if s == nil || s.State == SourceDeleted {
			return nil, sourceNotFound(b.EventSourceName)
		}
		return s, nil
	case strings.HasPrefix(b.Name, "aws."):
		return nil, refuse(Invalid, "EventBus name starting with 'aws.' is not valid.")
	case strings.Contains(b.Name, "/"):
		return nil, refuse(Invalid, "Event bus name must not contain '/'.")
	}
	return nil, nil
}

// document returns the key of the bus's document.
func (k busKey) document() string { return k.region + "/" + k.name }

// Bus returns a bus by its name or ARN, the default bus if that is empty.
func (r *Registry) Bus(region, nameOrARN string) (*Bus, error) {
	b, err := r.bus(region, nameOrARN)
	if err != nil {
		return nil, err
	}
	return b.config.Load(), nil
}

// UpdateBus replaces what change changes in a bus's configuration. change works
// on a copy; an error from it refuses the change.
func (r *Registry) UpdateBus(ctx context.Context, region, nameOrARN string, change func(*Bus) error) (*Bus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, notFound := r.bus(region, nameOrARN)
	if notFound != nil {
		return nil, notFound
	}
	config := *b.config.Load()
	if err := change(&config); err != nil {
		return nil, err
	}
	// One that stays was checked when it came, or is from before that.
	if config.DeadLetterConfig != b.config.Load().DeadLetterConfig {
		if refused := checkDeadLetters(region, config.DeadLetterConfig, AccessDenied); refused != nil {
			return nil, refused
		}
	}
	config.Modified = r.now().UTC()
	if err := r.apply(ctx, kindBus, b.key.document(), config); err != nil {
		return nil, err
	}
	b.config.Store(&config)
	r.publish(b)
	return &config, nil
}

// KeyOfBus returns how an event bus names the key that a caller gives it: by its
// ARN where that is the key's alias, as AWS does. The aliases of keys that belong
// to AWS are refused.
func (r *Registry) KeyOfBus(region, identifier string) (string, error) {
	alias, ok := strings.CutPrefix(identifier, "alias/")
	if !ok {
		return identifier, nil
	}
	key := "arn:" + arn.Partition(region) + ":kms:" + region + ":" + r.account + ":alias/" + alias
	if strings.HasPrefix(alias, "aws/") {
		return "", malformedARN(key)
	}
	return key, nil
}

// DeleteBus deletes a bus, which must have no rules; one that is not there is
// deleted already.
func (r *Registry) DeleteBus(ctx context.Context, region, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name == DefaultBus {
		return refuse(Invalid, "Cannot delete event bus default.")
	}
	b, notFound := r.bus(region, name)
	if notFound != nil {
		return nil
	}
	if b.rules.Load().Len() > 0 {
		return refuse(Invalid, "EventBus can't be deleted since it has rules.")
	}
	changes := []change{{kindBus, b.key.document(), nil}}
	// Without a bus, a partner's event source waits for one again, or is over.
	source := r.source(b.key.region, b.key.name, r.account)
	var waiting *EventSource
	if source != nil {
		if source.State != SourceDeleted {
			waiting = source.in(SourcePending, r.now())
		}
		changes = append(changes, source.become(waiting))
	}
	if err := r.applyAll(ctx, changes...); err != nil {
		return err
	}
	if source != nil {
		r.sources.set(source.Region, source.document(), waiting)
	}
	buses := maps.Clone(*r.buses.Load())
	delete(buses, b.key)
	r.buses.Store(&buses)
	r.metrics.ForgetBus(b.key.region, b.key.name)
	return nil
}

// Buses returns the region's buses by name, those whose names begin with prefix.
func (r *Registry) Buses(region, prefix string, page Page) ([]*Bus, string, error) {
	after, err := page.after("buses")
	if err != nil {
		return nil, "", err
	}
	fallback, _ := r.bus(region, DefaultBus)
	buses := []*Bus{fallback.config.Load()}
	for key, b := range *r.buses.Load() {
		if key.region == region && key.name != DefaultBus {
			buses = append(buses, b.config.Load())
		}
	}
	slices.SortFunc(buses, func(x, y *Bus) int { return strings.Compare(x.Name, y.Name) })
	var list []*Bus
	for _, b := range buses {
		if b.Name <= after || !strings.HasPrefix(b.Name, prefix) {
			continue
		}
		if len(list) == page.limit() {
			return list, token("buses", list[len(list)-1].Name), nil
		}
		list = append(list, b)
	}
	return list, "", nil
}
