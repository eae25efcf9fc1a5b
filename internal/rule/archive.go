package rule

import (
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
	Created          time.Time
}

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
	b, err := r.busByARN(a.Region, busARN, "EventSourceArn")
	if err != nil {
		return nil, err
	}
	if r.archives.get(a.Region, a.Name) != nil {
		return nil, refuse(Exists, "Archive %s already exists.", a.Name)
	}
	a.Bus = b.key.name
	a.ID = rand.Text()
	a.Created = r.now().UTC()
	c, err := r.archiveRule(&a)
	if err != nil {
		return nil, err
	}
	if _, notFound := b.get(c.rule.Name); notFound == nil {
		return nil, refuse(Exists, "Rule %s already exists.", c.rule.Name)
	}
	if b.rules.Load().Len() >= r.quotas.RulesPerBus {
		return nil, limitExceeded()
	}
	return &a, r.keepArchive(ctx, b, &a, c)
}

// busByARN returns the bus that a parameter names by its ARN.
func (r *Registry) busByARN(region, busARN, parameter string) (*bus, error) {
	a, err := arn.Parse(busARN)
	if err != nil || a.Service != "events" || !strings.HasPrefix(a.Resource, "event-bus/") {
		return nil, refuse(Invalid, "Parameter %s is not valid. Reason: Must contain an event bus ARN.", parameter)
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
	name := "Events-Archive-" + a.Name
	return r.compile(&Rule{
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
					`", "event": <aws.events.event.json>, "ingestion-time": <aws.events.event.ingestion-time>}`,
			},
		}},
	})
}

// notReplayed adds to a pattern that the event was not replayed.
func notReplayed(text string) string {
	var b strings.Builder
	b.WriteByte('{')
	for name, value := range jsonpath.Members([]byte(text)) {
		if name == "replay-name" {
			continue
		}
		quoted, _ := json.Marshal(name) // a string always can be
		fmt.Fprintf(&b, "%s:%s,", quoted, value)
	}
	b.WriteString(`"replay-name":[{"exists":false}]}`)
	return b.String()
}

// keepArchive makes an archive and its rule durable and then seen.
func (r *Registry) keepArchive(ctx context.Context, b *bus, a *Archive, c *compiled) error {
	err := r.applyAll(ctx,
		change{kindArchive, key(a.Region, a.Name), a},
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

// UpdateArchive changes an archive. What it holds already stays.
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
	b, notFound := r.bus(region, a.Bus)
	if notFound != nil {
		return nil, notFound
	}
	c, err := r.archiveRule(&a)
	if err != nil {
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
		if e, notFound := b.get("Events-Archive-" + name); notFound == nil && e.compiled.Load().rule.Archive == a.ID {
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

// Archives returns a region's archives by name: those whose names begin with
// prefix, and, with a bus's ARN, those of that bus.
func (r *Registry) Archives(region, prefix, busARN string, page Page) ([]*Archive, string, error) {
	only := ""
	if busARN != "" {
		b, err := r.busByARN(region, busARN, "EventSourceArn")
		if err != nil {
			return nil, "", err
		}
		only = b.key.name
	}
	return r.archives.list("archives", region, prefix, func(a *Archive) bool { return only == "" || a.Bus == only }, page)
}

// AllArchives returns the archives of every region.
func (r *Registry) AllArchives() []*Archive {
	var all []*Archive
	for a := range r.archives.all() {
		all = append(all, a)
	}
	return all
}
