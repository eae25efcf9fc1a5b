package rule

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"bailey/internal/arn"
	"bailey/internal/metrics"
)

// get returns a rule of the bus.
func (b *bus) get(name string) (*entry, *Error) {
	item, ok := b.rules.Load().Get(ruleItem{name: name})
	if !ok {
		return nil, ruleNotFound(b.key.name, name)
	}
	return item.entry, nil
}

// put makes a rule seen, new or in the place of the one of its name. The caller
// holds Registry.mu, or is alone, and publishes the bus. The rule's series begin
// here: what was refused has none.
func (b *bus) put(c *compiled, m *metrics.Metrics) error {
	name := c.rule.Name
	c.metrics = m.Rule(b.key.region, b.key.name, name)
	for _, route := range c.routes {
		route.Metrics = c.metrics
	}
	item, there := b.rules.Load().Get(ruleItem{name: name})
	e := item.entry
	var old *Rule
	if there {
		old = e.compiled.Load().rule
	} else {
		e = new(entry)
	}
	e.compiled.Store(c)
	if c.matches() {
		if err := b.patterns.Add(e, c.pattern); err != nil {
			return PatternError(err)
		}
	} else {
		b.patterns.Remove(e)
	}
	if !there {
		rules := b.rules.Load().Clone()
		rules.ReplaceOrInsert(ruleItem{name, e})
		b.rules.Store(rules)
	}
	b.indexTargets(name, old, c.rule)
	return nil
}

// remove makes a rule unseen. The caller holds Registry.mu.
func (b *bus) remove(name string) {
	rules := b.rules.Load().Clone()
	item, ok := rules.Delete(ruleItem{name: name})
	if !ok {
		return
	}
	b.rules.Store(rules)
	b.patterns.Remove(item.entry)
	b.indexTargets(name, item.compiled.Load().rule, nil)
}

// indexTargets brings byTarget up to date when a rule changes from one state to
// another; nil is no rule.
func (b *bus) indexTargets(name string, from, to *Rule) {
	before, after := targetARNs(from), targetARNs(to)
	if slices.Equal(before, after) {
		return
	}
	byTarget := b.byTarget.Load().Clone()
	for _, a := range before {
		byTarget.Delete(targetItem{a, name})
	}
	for _, a := range after {
		byTarget.ReplaceOrInsert(targetItem{a, name})
	}
	b.byTarget.Store(byTarget)
}

func targetARNs(rule *Rule) []string {
	if rule == nil {
		return nil
	}
	var arns []string
	for i := range rule.Targets {
		arns = append(arns, rule.Targets[i].ARN)
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

// document returns the key of the rule's document.
func (r *Rule) document() string { return r.Region + "/" + r.EventBusName + "/" + r.Name }

// managed is the refusal of a change to a rule that belongs to a service.
func (r *Rule) managed() *Error {
	return refuse(Managed, "%s is a managed rule.", r.Name)
}

// managedUnlessForced is the refusal of a change that Force would allow.
func (r *Rule) managedUnlessForced() *Error {
	return refuse(Managed, "%s is a managed rule. Set 'force' parameter to true to override.", r.Name)
}

// PutRule creates the rule that rule describes, or gives the rule of that name
// its description, pattern, schedule, state and role; what rule leaves out the
// rule then does not have. Targets stay as they are, and so do the tags of a
// rule that exists. EventBusName may be a name, an ARN or empty. PutRule returns
// the rule's ARN.
func (r *Registry) PutRule(ctx context.Context, rule Rule) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkRule(&rule); err != nil {
		return "", err
	}
	b, notFound := r.bus(rule.Region, r.localBus(rule.EventBusName))
	if notFound != nil {
		return "", notFound
	}
	rule.EventBusName = b.key.name
	if rule.State == "" {
		rule.State = Enabled
	}
	if err := r.inherit(b, &rule); err != nil {
		return "", err
	}
	c := r.compile(&rule)
	return c.arn, r.putRule(ctx, b, nil, c)
}

// checkRule says why PutRule does not take a rule, whatever else there is. The
// caller holds Registry.mu.
func (r *Registry) checkRule(rule *Rule) error {
	if isNoPattern(rule.EventPattern) && rule.ScheduleExpression == "" {
		return refuse(Invalid, "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if rule.ScheduleExpression != "" {
		if _, err := r.schedule(rule.ScheduleExpression); err != nil {
			return refuse(Invalid, "Parameter ScheduleExpression is not valid.")
		}
	}
	if utf8.RuneCountInString(rule.EventPattern) > r.quotas.EventPattern {
		return refuse(Invalid, "Parameter EventPattern for rule %s exceeds limit of %d.", rule.Name, r.quotas.EventPattern)
	}
	if !isNoPattern(rule.EventPattern) {
		if _, err := ParsePattern(rule.EventPattern); err != nil {
			return err
		}
	}
	if rule.ScheduleExpression == "" {
		return nil
	}
	if r.BusName(rule.Region, r.localBus(rule.EventBusName)) != DefaultBus {
		return refuse(Invalid, "ScheduleExpression is supported only on the default event bus.")
	}
	if rule.State == EnabledForManagement {
		return refuse(Invalid, "%s rule state is not supported with scheduled rule expressions.", EnabledForManagement)
	}
	return nil
}

// isNoPattern reports whether the text stands for no pattern: an empty object
// does in PutRule, though the pattern language refuses it.
func isNoPattern(text string) bool {
	const space = " \t\r\n"
	inside, opened := strings.CutPrefix(strings.Trim(text, space), "{")
	inside, closed := strings.CutSuffix(inside, "}")
	return text == "" || opened && closed && strings.Trim(inside, space) == ""
}

// localBus returns the name in the ARN of one of the account's buses, of whatever
// region it is: AWS puts a rule on the bus of that name in the region that is
// called. Every other call with the ARN of another region's bus is refused.
func (r *Registry) localBus(nameOrARN string) string {
	if a, err := arn.Parse(nameOrARN); err == nil && a.Account == r.account {
		if name, ok := strings.CutPrefix(a.Resource, "event-bus/"); ok {
			return name
		}
	}
	return nameOrARN
}

// inherit gives rule what PutRule does not change of the rule of its name, or
// what a new rule begins with.
func (r *Registry) inherit(b *bus, rule *Rule) error {
	rule.Targets = nil
	rule.Since = r.now().UTC()
	rule.CreatedBy = r.account
	e, notFound := b.get(rule.Name)
	if notFound != nil {
		if b.rules.Load().Len() >= r.quotas.RulesPerBus {
			return limitExceeded()
		}
		tags, err := newTags(nil, rule.Tags)
		if err != nil {
			return err
		}
		rule.Tags = tags
		return nil
	}
	old := e.compiled.Load().rule
	if old.ManagedBy != rule.ManagedBy {
		return old.managed()
	}
	rule.Tags, rule.Targets, rule.CreatedBy = old.Tags, old.Targets, old.CreatedBy
	if old.ScheduleExpression == rule.ScheduleExpression && (old.State == Disabled) == (rule.State == Disabled) {
		rule.Since = old.Since
	}
	return nil
}

// putRule makes a compiled rule durable and then seen, in the place of old,
// which may be nil.
func (r *Registry) putRule(ctx context.Context, b *bus, old *Rule, c *compiled) error {
	var remember, forget []*removed
	var archive *Archive
	changes := []change{{kindRule, c.rule.document(), c.rule}}
	if old != nil {
		if len(c.rule.Targets) < len(old.Targets) {
			archive = r.disabled(old)
		}
		if archive != nil {
			changes = append(changes, archive.become())
		}
		remember, forget = r.forgetting(old, c.rule)
		for _, m := range forget {
			changes = append(changes, change{kindRemoved, m.document(), nil})
		}
		for _, m := range remember {
			changes = append(changes, change{kindRemoved, m.document(), m})
		}
	}
	if err := r.applyAll(ctx, changes...); err != nil {
		return err
	}
	r.remember(remember, forget)
	if archive != nil {
		r.archives.set(archive.Region, archive.Name, archive)
	}
	if err := b.put(c, r.metrics); err != nil {
		return err
	}
	r.publish(b)
	r.tell(c)
	return nil
}

// changeRule replaces a rule by what change makes of a copy of it.
func (r *Registry) changeRule(ctx context.Context, region, busNameOrARN, name string, change func(*Rule) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, notFound := r.bus(region, busNameOrARN)
	if notFound != nil {
		return notFound
	}
	e, notFound := b.get(name)
	if notFound != nil {
		return notFound
	}
	old := e.compiled.Load().rule
	rule := *old
	if err := change(&rule); err != nil {
		return err
	}
	return r.putRule(ctx, b, old, r.compile(&rule))
}

// SetState enables or disables a rule.
func (r *Registry) SetState(ctx context.Context, region, bus, name string, state State) error {
	return r.changeRule(ctx, region, bus, name, func(rule *Rule) error {
		if rule.ManagedBy != "" {
			return rule.managed()
		}
		if (rule.State == Disabled) != (state == Disabled) {
			rule.Since = r.now().UTC()
		}
		rule.State = state
		return nil
	})
}

// DeleteRule deletes a rule, which must have no targets; one that is not there
// is deleted already. A managed rule is deleted only with force.
func (r *Registry) DeleteRule(ctx context.Context, region, busNameOrARN, name string, force bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, notFound := r.bus(region, busNameOrARN)
	if notFound != nil {
		return notFound
	}
	e, notFound := b.get(name)
	if notFound != nil {
		return nil
	}
	rule := e.compiled.Load().rule
	if rule.ManagedBy != "" && !force {
		return rule.managedUnlessForced()
	}
	if len(rule.Targets) > 0 {
		return refuse(Invalid, "Rule can't be deleted since it has targets.")
	}
	changes := []change{{kindRule, rule.document(), nil}}
	archive := r.disabled(rule)
	if archive != nil {
		changes = append(changes, archive.become())
	}
	if err := r.applyAll(ctx, changes...); err != nil {
		return err
	}
	if archive != nil {
		r.archives.set(archive.Region, archive.Name, archive)
	}
	b.remove(name)
	if r.unset != nil {
		r.unset(Key{b.key.region, b.key.name, name})
	}
	r.metrics.Forget(b.key.region, b.key.name, name)
	return nil
}

// Rule returns a rule of a bus, which is called by its name or ARN.
func (r *Registry) Rule(region, busNameOrARN, name string) (*Rule, error) {
	b, notFound := r.bus(region, busNameOrARN)
	if notFound != nil {
		return nil, notFound
	}
	e, notFound := b.get(name)
	if notFound != nil {
		return nil, notFound
	}
	return e.compiled.Load().rule, nil
}

// Rules returns a bus's rules by name, those whose names begin with prefix, and
// the token of the next page if there is one.
func (r *Registry) Rules(region, busNameOrARN, prefix string, page Page) ([]*Rule, string, error) {
	b, notFound := r.bus(region, busNameOrARN)
	if notFound != nil {
		return nil, "", notFound
	}
	after, invalid := page.after("rules")
	if invalid != nil {
		return nil, "", invalid
	}
	var list []*Rule
	next := ""
	b.rules.Load().AscendGreaterOrEqual(ruleItem{name: max(prefix, following(after))}, func(item ruleItem) bool {
		if !strings.HasPrefix(item.name, prefix) {
			return false
		}
		if len(list) == page.limit() {
			next = token("rules", list[len(list)-1].Name)
			return false
		}
		list = append(list, item.compiled.Load().rule)
		return true
	})
	return list, next, nil
}

// A BusRules says how many rules an event bus has.
type BusRules struct {
	Region, Bus string
	Rules       int
}

// WithRules lists the event buses that have rules, by region and name.
func (r *Registry) WithRules() (all []BusRules) {
	for key, b := range *r.buses.Load() {
		if n := b.rules.Load().Len(); n > 0 {
			all = append(all, BusRules{key.region, key.name, n})
		}
	}
	slices.SortFunc(all, func(x, y BusRules) int {
		return cmp.Or(strings.Compare(x.Region, y.Region), strings.Compare(x.Bus, y.Bus))
	})
	return all
}

// following returns the first name after name.
func following(name string) string {
	if name == "" {
		return ""
	}
	return name + "\x00"
}

// RuleNamesByTarget returns the names of a bus's rules that have a target with
// this ARN, in order. A token holds for the bus and the ARN.
func (r *Registry) RuleNamesByTarget(region, busNameOrARN, targetARN string, page Page) ([]string, string, error) {
	b, notFound := r.bus(region, busNameOrARN)
	if notFound != nil {
		return nil, "", notFound
	}
	if a, err := arn.Parse(targetARN); err != nil || a.Partition != arn.Partition(region) {
		return nil, "", refuse(Invalid, "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", targetARN)
	}
	as := listing{name: "rule names", filter: []string{b.key.name, targetARN}}
	after, invalid := as.after(page)
	if invalid != nil {
		return nil, "", invalid
	}
	names := []string{}
	next := ""
	b.byTarget.Load().AscendGreaterOrEqual(targetItem{targetARN, following(after)}, func(item targetItem) bool {
		if item.arn != targetARN {
			return false
		}
		if len(names) == page.limit() {
			next = as.token(names[len(names)-1])
			return false
		}
		names = append(names, item.rule)
		return true
	})
	return names, next, nil
}
