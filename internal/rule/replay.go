package rule

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"bailey/internal/arn"
)

// ReplayState says how far a replay has come.
type ReplayState string

// The states of a replay. The first three end by themselves.
const (
	Starting   ReplayState = "STARTING"
	Running    ReplayState = "RUNNING"
	Cancelling ReplayState = "CANCELLING"
	Completed  ReplayState = "COMPLETED"
	Cancelled  ReplayState = "CANCELLED"
	Failed     ReplayState = "FAILED"
)

// A Replay puts events of an archive on their bus once more: those whose own
// time is from one moment to another, in the order of that time.
type Replay struct {
	Region      string
	Name        string
	ID          string // of this replay and no other, were it of the same name
	Description string `json:",omitempty"`
	Archive     string // its name
	ArchiveID   string
	Bus         string
	FilterARNs  []string `json:",omitzero"` // of the rules that take the events; none are all
	From, Until time.Time
	State       ReplayState
	Reason      string `json:",omitempty"` // of the state
	Started     time.Time
	Ended       time.Time `json:",omitzero"`
	// Looked is the last minute of the archive that a completed replay has looked
	// at, by its beginning: the zero time if the archive has nothing in its minutes.
	// nil for a replay that has not ended, or that an earlier version completed.
	Looked *time.Time `json:",omitempty"`
}

// Active reports whether the replay has something left to do.
func (p *Replay) Active() bool {
	return p.State == Starting || p.State == Running || p.State == Cancelling
}

// Takes reports whether the replay's events go to the rule with the ARN.
func (p *Replay) Takes(ruleARN string) bool {
	return len(p.FilterARNs) == 0 || slices.Contains(p.FilterARNs, ruleARN)
}

// maxReplays is how many replays of a region may be active at a time.
const maxReplays = 10

func replayNotFound(name string) *Error {
	return refuse(NotFound, "Replay %s does not exist.", name)
}

// ReplayARN returns the ARN of a replay.
func (r *Registry) ReplayARN(region, name string) string {
	return r.arn(region, "replay/"+name)
}

// StartReplay begins the replay that p describes, of the archive with the one
// ARN to the bus with the other, which must be the archive's own.
func (r *Registry) StartReplay(ctx context.Context, p Replay, archiveARN, busARN string) (*Replay, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, err := r.busByARN(p.Region, busARN, "Destination.Arn")
	if err != nil {
		return nil, err
	}
	if !p.From.Before(p.Until) {
		return nil, refuse(Invalid, "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	}
	a, err := r.archiveByARN(p.Region, archiveARN)
	if err != nil {
		return nil, err
	}
	if a.Bus != b.key.name {
		return nil, refuse(Invalid, "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
	}
	if err := r.checkFilters(b, p.FilterARNs); err != nil {
		return nil, err
	}
	if r.replays.get(p.Region, p.Name) != nil {
		return nil, refuse(Exists, "Replay %s already exists.", p.Name)
	}
	active := 0
	for other := range r.replays.all() {
		if other.Region == p.Region && other.Active() {
			active++
		}
	}
	if active >= maxReplays {
		return nil, limitExceeded()
	}
	p.ID = rand.Text()
	p.Archive, p.ArchiveID, p.Bus = a.Name, a.ID, a.Bus
	p.State = Starting
	p.Started = r.now().UTC()
	return &p, r.keepReplay(ctx, &p)
}

func (r *Registry) archiveByARN(region, archiveARN string) (*Archive, error) {
	parsed, err := arn.Parse(archiveARN)
	name, ok := strings.CutPrefix(parsed.Resource, "archive/")
	if err != nil || parsed.Service != "events" || !ok {
		return nil, refuse(Invalid, "Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.")
	}
	a := r.archives.get(region, name)
	if a == nil || parsed.Region != region || parsed.Account != r.account {
		return nil, refuse(Invalid, "Parameter EventSourceArn is not valid. Reason: Archive %s does not exist.", name)
	}
	return a, nil
}

// checkFilters refuses ARNs that are not of rules on the bus: a replay to
// nobody would end as if all were well.
func (r *Registry) checkFilters(b *bus, ruleARNs []string) error {
	for _, ruleARN := range ruleARNs {
		bus, name, err := taggable(ruleARN)
		if err != nil || name == "" || bus != r.BusARN(b.key.region, b.key.name) {
			return refuse(Invalid, "Parameter Destination.FilterArns is not valid. Reason: %s is not the ARN of a rule on event bus %s.", ruleARN, b.key.name)
		}
		if _, notFound := b.get(name); notFound != nil {
			return notFound
		}
	}
	return nil
}

// keepReplay makes a replay durable, then seen, and tells the watcher.
func (r *Registry) keepReplay(ctx context.Context, p *Replay) error {
	if err := r.apply(ctx, kindReplay, key(p.Region, p.Name), p); err != nil {
		return err
	}
	r.replays.set(p.Region, p.Name, p)
	if r.replay != nil {
		r.replay(p)
	}
	return nil
}

// CancelReplay tells a replay to end before it is done.
func (r *Registry) CancelReplay(ctx context.Context, region, name string) (*Replay, error) {
	return r.changeReplay(ctx, region, name, func(p *Replay) error {
		if p.State != Starting && p.State != Running {
			return refuse(IllegalState, "Replay %s is not in a valid state for this operation.", name)
		}
		p.State = Cancelling
		return nil
	})
}

// AdvanceReplay brings a replay from one state to another, with the reason if
// there is one. It refuses if the replay is in another state by now. It is for
// whoever carries the replay out.
func (r *Registry) AdvanceReplay(ctx context.Context, p *Replay, to ReplayState, reason string) error {
	_, err := r.changeReplay(ctx, p.Region, p.Name, func(now *Replay) error {
		if now.ID != p.ID || now.State != p.State {
			return refuse(IllegalState, "Replay %s is in state %s.", now.Name, now.State)
		}
		now.State, now.Reason, now.Looked = to, reason, p.Looked
		if !now.Active() {
			now.Ended = r.now().UTC()
		}
		return nil
	})
	return err
}

func (r *Registry) changeReplay(ctx context.Context, region, name string, change func(*Replay) error) (*Replay, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.replays.get(region, name)
	if old == nil {
		return nil, replayNotFound(name)
	}
	p := *old
	if err := change(&p); err != nil {
		return nil, err
	}
	return &p, r.keepReplay(ctx, &p)
}

// Replay returns a replay.
func (r *Registry) Replay(region, name string) (*Replay, error) {
	if p := r.replays.get(region, name); p != nil {
		return p, nil
	}
	return nil, replayNotFound(name)
}

// Replays returns a region's replays by name: those whose names begin with
// prefix, in the state and of the archive with the ARN, where these are given.
func (r *Registry) Replays(region, prefix string, state ReplayState, archiveARN string, page Page) ([]*Replay, string, error) {
	as := listing{"replays", []string{prefix, string(state), archiveARN}, true}
	return r.replays.list(as, region, prefix, func(p *Replay) bool {
		return (state == "" || p.State == state) && (archiveARN == "" || archiveARN == r.ArchiveARN(p.Region, p.Archive))
	}, page)
}

// AllReplays returns the replays of every region.
func (r *Registry) AllReplays() []*Replay {
	var all []*Replay
	for p := range r.replays.all() {
		all = append(all, p)
	}
	return all
}

// WatchReplays calls f with every active replay, and from then on with every
// replay that is started, cancelled or goes on to another state. f is called by
// one change at a time, and must neither block nor call the registry.
func (r *Registry) WatchReplays(f func(*Replay)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replay = f
	for p := range r.replays.all() {
		if p.Active() {
			f(p)
		}
	}
}

// ForgetReplays forgets the replays that ended before the moment.
func (r *Registry) ForgetReplays(ctx context.Context, before time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.replays.all() {
		if p.Active() || !p.Ended.Before(before) {
			continue
		}
		if err := r.apply(ctx, kindReplay, key(p.Region, p.Name), nil); err != nil {
			return fmt.Errorf("forgetting old replays: %w", err)
		}
		r.replays.set(p.Region, p.Name, nil)
	}
	return nil
}
