package rule

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"bailey/internal/arn"
	"bailey/internal/jsonpath"
)

// An Archive keeps the events of a bus that match its pattern. A rule on the
// bus, which nobody but the archive may change, finds them. What it holds is
// the store's.
type Archive struct {
	Region           string
	Name             string
	ID               string // of this archive and no other, were it of the same name
	Bus              string
	Description      string `json:",omitempty"`
	EventPattern     string `json:",omitempty"` // none is every event
	KmsKeyIdentifier string `json:",omitempty"`
	RetentionDays    int    `json:",omitempty"` // 0 is for ever
	// Disabled is why nothing is put into the archive any more; empty if it
	// works.
	Disabled string `json:",omitempty"`
	Created  time.Time
}

// ArchiveState says whether an archive takes events.
type ArchiveState string

// The states that an archive has here. Creating and changing one takes no time.
const (
	ArchiveEnabled  ArchiveState = "ENABLED"
	ArchiveDisabled ArchiveState = "DISABLED"
)

// State returns the archive's state.
func (a *Archive) State() ArchiveState {
	if a.Disabled != "" {
		return ArchiveDisabled
	}
	return ArchiveEnabled
}

// ruleForcedAway is why an archive is disabled whose rule, or the rule's target,
// somebody has removed by force.
const ruleForcedAway = "Managed rule for the archive was forcefully deleted."

// become is the change that makes the archive what it is here.
func (a *Archive) become() change { return change{kindArchive, key(a.Region, a.Name), a} }

// ruleName returns the name of the rule that finds the archive's events.
func (a *Archive) ruleName() string { return "Events-Archive-" + a.Name }

// archiver is who an archive's rule belongs to, as AWS calls it.
const archiver = "prod.vhs.events.aws.internal"

// ArchiveARN returns the ARN of an archive.
func (r *Registry) ArchiveARN(region, name string) string {
	return r.arn(region, "archive/"+name)
}

// arn returns the ARN of what the account has by that name.
func (r *Registry) arn(region, resource string) string {
	return arn.ARN{Partition: arn.Partition(region), Service: "events", Region: region, Account: r.account, Resource: resource}.String()
}

func archiveNotFound(name string) *Error {
	return refuse(NotFound, "Archive %s does not exist.", name)
}

// CreateArchive creates the archive that a describes on the bus with the ARN.
func (r *Registry) CreateArchive(ctx context.Context, a Archive, busARN string) (*Archive, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.archivable(a.Region, busARN); err != nil {
		return nil, err
	}
	b, err := r.busByARN(a.Region, busARN, "EventSourceArn")
	if err != nil {
		return nil, err
	}
	if r.archives.get(a.Region, a.Name) != nil {
		return nil, refuse(Exists, "Archive %s already exists.", a.Name)
	}
	a.Bus = b.key.name
	a.ID = newArchiveID()
	a.Created = r.now().UTC()
	c, err := r.archiveRule(&a)
	if err != nil {
		return nil, err
	}
	if err := r.unclaimed(b, &a); err != nil {
		return nil, err
	}
	if b.rules.Load().Len() >= r.quotas.RulesPerBus {
		return nil, limitExceeded()
	}
	return &a, r.keepArchive(ctx, b, &a, c)
}

// newArchiveID makes an id for an archive: a random UUID, as AWS has it behind the
// archive's ARN in the template of its rule.
func newArchiveID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0F|0x40, id[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// archivable refuses to archive a bus of elsewhere.
func (r *Registry) archivable(region, busARN string) error {
	a, _, err := parseBusARN(busARN, "EventSourceArn")
	if err != nil {
		return err
	}
	var across string
	switch {
	case a.Partition != arn.Partition(region):
		across = "partition"
	case a.Account != r.account:
		across = "account"
	case a.Region != region:
		across = "region"
	default:
		return nil
	}
	return refuse(Invalid, "Parameter EventSourceArn is not valid. Reason: Creating cross-%s archive is not permitted.", across)
}

// unclaimed refuses an archive's rule where there is another rule of its name.
func (r *Registry) unclaimed(b *bus, a *Archive) error {
	if e, notFound := b.get(a.ruleName()); notFound == nil && e.compiled.Load().rule.Archive != a.ID {
		return refuse(Exists, "A rule with the pattern '%s' already exists. Please choose a different archive name or delete your rule, then, try again.", a.ruleName())
	}
	return nil
}

// parseBusARN takes the ARN of a bus apart that a parameter has to be, and
// returns the bus's name as well.
func parseBusARN(busARN, parameter string) (arn.ARN, string, error) {
	a, err := arn.Parse(busARN)
	name, ok := strings.CutPrefix(a.Resource, "event-bus/")
	if err != nil || a.Service != "events" || a.Account == "" || !ok {
		return arn.ARN{}, "", refuse(Invalid, "Parameter %s is not valid. Reason: Must contain an event bus ARN.", parameter)
	}
	return a, name, nil
}

// busByARN returns the bus that a parameter names by its ARN.
func (r *Registry) busByARN(region, busARN, parameter string) (*bus, error) {
	a, name, err := parseBusARN(busARN, parameter)
	if err != nil {
		return nil, err
	}
	if a.Region != region {
		return nil, busNotFound(name)
	}
	b, notFound := r.bus(region, busARN)
	if notFound != nil {
		return nil, notFound
	}
	return b, nil
}

// archiveRule makes the rule that finds an archive's events: those that match
// its pattern and were not replayed. It is as AWS makes it, with a target that
// only AWS has.
func (r *Registry) archiveRule(a *Archive) (*compiled, error) {
	if a.EventPattern != "" {
		if _, err := ParsePattern(a.EventPattern); err != nil {
			return nil, err
		}
	}
	name := a.ruleName()
	c := r.compile(&Rule{
		Region:       a.Region,
		EventBusName: a.Bus,
		Name:         name,
		EventPattern: notReplayed(a.EventPattern),
		State:        Enabled,
		ManagedBy:    archiver,
		CreatedBy:    r.account,
		Archive:      a.ID,
		Since:        a.Created,
		Targets: []Target{{
			ID:  name,
			ARN: "arn:" + arn.Partition(a.Region) + ":events:" + a.Region + ":::",
			InputTransformer: &InputTransformer{
				InputPathsMap: map[string]string{},
				InputTemplate: `{"archive-arn": "` + r.ArchiveARN(a.Region, a.Name) + ":" + a.ID +
					`","event": <aws.events.event.json>,"ingestion-time": <aws.events.event.ingestion-time>}`,
			},
		}},
	})
	return c, nil
}

// notReplayed adds to a pattern that the event was not replayed.
func notReplayed(text string) string {
	var b strings.Builder
	b.WriteString(`{"replay-name":[{"exists":false}]`)
	for name, value := range jsonpath.Members([]byte(text)) {
		if name == "replay-name" {
			continue
		}
		quoted, _ := json.Marshal(name) // a string always can be
		fmt.Fprintf(&b, ",%s:%s", quoted, compacted(value))
	}
	b.WriteByte('}')
	return b.String()
}

// compacted is JSON without the space between its tokens, as AWS writes it.
func compacted(value []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return value
	}
	return b.Bytes()
}

// keepArchive makes an archive and its rule durable and then seen.
func (r *Registry) keepArchive(ctx context.Context, b *bus, a *Archive, c *compiled) error {
	err := r.applyAll(ctx,
		a.become(),
		change{kindRule, c.rule.document(), c.rule})
	if err != nil {
		return err
	}
	r.archives.set(a.Region, a.Name, a)
	if err := b.put(c, r.metrics); err != nil {
		return err
	}
	r.publish(b)
	return nil
}

// An ArchiveChange says what of an archive is to change: what is not nil.
type ArchiveChange struct {
	Description, EventPattern, KmsKeyIdentifier *string
	RetentionDays                               *int
}

func replace[T any](field, by *T) {
	if by != nil {
		*field = *by
	}
}

// UpdateArchive changes an archive, and makes its rule anew if that was removed.
// What it holds already stays.
func (r *Registry) UpdateArchive(ctx context.Context, region, name string, to ArchiveChange) (*Archive, error) {
	if to == (ArchiveChange{}) {
		return nil, refuse(Invalid, "At least one of EventPattern, RetentionDays or Description must be provided.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.archives.get(region, name)
	if old == nil {
		return nil, archiveNotFound(name)
	}
	a := *old
	replace(&a.Description, to.Description)
	replace(&a.EventPattern, to.EventPattern)
	replace(&a.KmsKeyIdentifier, to.KmsKeyIdentifier)
	replace(&a.RetentionDays, to.RetentionDays)
	a.Disabled = ""
	b, notFound := r.bus(region, a.Bus)
	if notFound != nil {
		return nil, refuse(NotFound, "Archive %s managed rule does not exist.", name)
	}
	c, err := r.archiveRule(&a)
	if err != nil {
		return nil, err
	}
	if err := r.unclaimed(b, &a); err != nil {
		return nil, err
	}
	return &a, r.keepArchive(ctx, b, &a, c)
}

// DeleteArchive deletes an archive and its rule.
func (r *Registry) DeleteArchive(ctx context.Context, region, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.archives.get(region, name)
	if a == nil {
		return archiveNotFound(name)
	}
	changes := []change{{kindArchive, key(region, name), nil}}
	b, notFound := r.bus(region, a.Bus)
	var rule *Rule
	if notFound == nil {
		if e, notFound := b.get(a.ruleName()); notFound == nil && e.compiled.Load().rule.Archive == a.ID {
			rule = e.compiled.Load().rule
			changes = append(changes, change{kindRule, rule.document(), nil})
		}
	}
	if err := r.applyAll(ctx, changes...); err != nil {
		return err
	}
	r.archives.set(region, name, nil)
	if rule != nil {
		b.remove(rule.Name)
		r.metrics.Forget(b.key.region, b.key.name, rule.Name)
	}
	return nil
}

// Archive returns an archive.
func (r *Registry) Archive(region, name string) (*Archive, error) {
	if a := r.archives.get(region, name); a != nil {
		return a, nil
	}
	return nil, archiveNotFound(name)
}

// disabled returns the archive of a rule as it is when the rule or its target is
// removed by force; nil if the rule belongs to no archive.
func (r *Registry) disabled(rule *Rule) *Archive {
	if rule.Archive == "" {
		return nil
	}
	a := r.archives.get(rule.Region, strings.TrimPrefix(rule.Name, "Events-Archive-"))
	if a == nil || a.ID != rule.Archive {
		return nil
	}
	off := *a
	off.Disabled = ruleForcedAway
	return &off
}

// Archives returns a region's archives by name: those whose names begin with
// prefix, and, where these are given, in the state and of the bus with the ARN.
// A token holds for what was asked for.
func (r *Registry) Archives(region, prefix string, state ArchiveState, busARN string, page Page) ([]*Archive, string, error) {
	only := ""
	if busARN != "" {
		b, err := r.busByARN(region, busARN, "EventSourceArn")
		if err != nil {
			return nil, "", err
		}
		only = b.key.name
	}
	as := listing{"archives", []string{prefix, string(state), busARN}, true}
	return r.archives.list(as, region, prefix, func(a *Archive) bool {
		return (only == "" || a.Bus == only) && (state == "" || a.State() == state)
	}, page)
}

// AllArchives returns the archives of every region.
func (r *Registry) AllArchives() []*Archive {
	var all []*Archive
	for a := range r.archives.all() {
		all = append(all, a)
	}
	return all
}
