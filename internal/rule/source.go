package rule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bailey/internal/arn"
)

// SourceState says whether a partner's event source has a bus.
type SourceState string

// The states of an event source. Its events arrive while it is active.
const (
	SourcePending SourceState = "PENDING" // without a bus, or deactivated
	SourceActive  SourceState = "ACTIVE"
	SourceDeleted SourceState = "DELETED" // by the partner, while it had a bus
)

// An EventSource is offered to an account by a partner, who puts events on it.
// They arrive on the bus of its name, once the account has created that.
type EventSource struct {
	Region  string
	Name    string // aws.partner/{partner}/...
	Account string // whom it is offered to
	State   SourceState
	Created time.Time
	// Expires is when a source that is pending is gone.
	Expires time.Time `json:",omitzero"`
}

// Partner is the name of the partner.
func (s *EventSource) Partner() string {
	_, rest, _ := strings.Cut(s.Name, "/")
	partner, _, _ := strings.Cut(rest, "/")
	return partner
}

// sourceLife is how long a source may be pending.
const sourceLife = 14 * 24 * time.Hour

// document is the name under which the source stands among others: those of one
// name follow each other, since no name has a space.
func (s *EventSource) document() string { return s.Name + " " + s.Account }

// SourceARN returns the ARN of a partner's event source, which belongs to no
// account.
func (r *Registry) SourceARN(region, name string) string {
	return arn.ARN{Partition: arn.Partition(region), Service: "events", Region: region, Resource: "event-source/" + name}.String()
}

func sourceNotFound(name string) *Error {
	return refuse(NotFound, "Event source %s does not exist.", name)
}

// source returns the source of that name that an account was offered, nil if
// there is none.
func (r *Registry) source(region, name, account string) *EventSource {
	s := r.sources.get(region, name+" "+account)
	if s == nil || r.expired(s) {
		return nil
	}
	return s
}

func (r *Registry) expired(s *EventSource) bool {
	return s.State == SourcePending && !r.now().Before(s.Expires)
}

// become is the change of a source into another state, or, with nil, into none.
func (s *EventSource) become(to *EventSource) change {
	c := change{kind: kindSource, key: key(s.Region, s.document())}
	if to != nil {
		c.value = to
	}
	return c
}

// changeSource makes that change durable and then seen.
func (r *Registry) changeSource(ctx context.Context, s, to *EventSource) error {
	if err := r.applyAll(ctx, s.become(to)); err != nil {
		return err
	}
	r.sources.set(s.Region, s.document(), to)
	return nil
}

// in returns the source in another state.
func (s *EventSource) in(state SourceState, now time.Time) *EventSource {
	changed := *s
	changed.State, changed.Expires = state, time.Time{}
	if state == SourcePending {
		changed.Expires = now.UTC().Add(sourceLife)
	}
	return &changed
}

// CreateSource offers an event source to an account, for a partner.
func (r *Registry) CreateSource(ctx context.Context, region, name, account string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.source(region, name, account); s != nil && s.State != SourceDeleted {
		return refuse(Exists, "Event source %s already exists.", name)
	}
	s := (&EventSource{Region: region, Name: name, Account: account, Created: r.now().UTC()}).in(SourcePending, r.now())
	return r.changeSource(ctx, s, s)
}

// DeleteSource withdraws an event source from an account, for a partner; one
// that is not there is withdrawn already. The account still sees one that has a
// bus.
func (r *Registry) DeleteSource(ctx context.Context, region, name, account string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.source(region, name, account)
	switch {
	case s == nil || s.State == SourceDeleted:
		return nil
	case account == r.account && r.HasBus(region, name):
		return r.changeSource(ctx, s, s.in(SourceDeleted, r.now()))
	}
	return r.changeSource(ctx, s, nil)
}

// Source returns an event source that the account was offered.
func (r *Registry) Source(region, name string) (*EventSource, error) {
	if s := r.source(region, name, r.account); s != nil {
		return s, nil
	}
	return nil, sourceNotFound(name)
}

// ActivateSource lets the events of a source arrive again that was deactivated.
func (r *Registry) ActivateSource(ctx context.Context, region, name string) error {
	return r.switchSource(ctx, region, name, SourcePending, SourceActive)
}

// DeactivateSource holds off the events of a source. They are lost, and so is
// the source if it is not activated again within two weeks.
func (r *Registry) DeactivateSource(ctx context.Context, region, name string) error {
	return r.switchSource(ctx, region, name, SourceActive, SourcePending)
}

func (r *Registry) switchSource(ctx context.Context, region, name string, from, to SourceState) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.source(region, name, r.account)
	if s == nil || !r.HasBus(region, name) {
		return refuse(NotFound, "Event source %s or event bus %s does not exist.", name, name)
	}
	if s.State != from {
		return refuse(InvalidState, "Event source %s is not in a valid state for this operation.", name)
	}
	return r.changeSource(ctx, s, s.in(to, r.now()))
}

// Sources returns the event sources that the account was offered, by name: those
// whose names begin with prefix.
func (r *Registry) Sources(region, prefix string, page Page) ([]*EventSource, string, error) {
	return r.sources.list(listing{name: "event sources"}, region, prefix, func(s *EventSource) bool {
		return s.Account == r.account && !r.expired(s)
	}, page)
}

// PartnerSource reports whether a partner has an event source of that name,
// whomever it was offered to; the error says that there is none.
func (r *Registry) PartnerSource(region, name string) error {
	list, _, err := r.SourceAccounts(region, name, Page{Limit: 1})
	if err == nil && len(list) == 0 {
		return sourceNotFound(name)
	}
	return err
}

// PartnerSources returns the partner's event sources by name, whomever they were
// offered to, each name once.
func (r *Registry) PartnerSources(region, prefix string, page Page) ([]*EventSource, string, error) {
	return r.sources.list(listing{name: "partner event sources"}, region, prefix, func(s *EventSource) bool {
		first, _, err := r.SourceAccounts(region, s.Name, Page{Limit: 1})
		return err == nil && len(first) == 1 && first[0] == s
	}, page)
}

// SourceAccounts returns a partner's event source as it was offered to each
// account.
func (r *Registry) SourceAccounts(region, name string, page Page) ([]*EventSource, string, error) {
	list, next, err := r.sources.list(listing{name: "event source accounts"}, region, name+" ", func(s *EventSource) bool {
		return s.State != SourceDeleted && !r.expired(s)
	}, page)
	if err == nil && len(list) == 0 && page.Token == "" {
		return nil, "", sourceNotFound(name)
	}
	return list, next, err
}

// Deliverable says on which bus the events of a partner's source arrive in this
// account; none if they do not. The error says that there is no such source.
func (r *Registry) Deliverable(region, source string) (bus string, err error) {
	if err := r.PartnerSource(region, source); err != nil {
		return "", err
	}
	if s := r.source(region, source, r.account); s != nil && s.State == SourceActive {
		return s.Name, nil
	}
	return "", nil
}

// ForgetSources forgets the event sources that have expired.
func (r *Registry) ForgetSources(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sources.all() {
		if r.expired(s) {
			if err := r.changeSource(ctx, s, nil); err != nil {
				return fmt.Errorf("forgetting expired event sources: %w", err)
			}
		}
	}
	return nil
}
