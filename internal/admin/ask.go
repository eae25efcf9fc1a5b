package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"bailey/internal/arn"
	"bailey/internal/awsjson"
	"bailey/internal/deliver"
	"bailey/internal/event"
	"bailey/internal/rule"
	"bailey/pattern"
)

// envelopeMembers are the members of an event, entryMembers those of an entry of
// PutEvents.
var (
	envelopeMembers = []string{"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
	entryMembers    = []string{"Source", "DetailType", "Detail", "Resources", "Time", "TraceHeader", "EventBusName"}
)

// envelope returns the event that a caller gave, as an envelope: as it is when
// it has every member, else with the missing ones made up, so that one can ask
// with as little as a source and a detail. An entry of PutEvents is taken too,
// with the event bus that it names. Names are exact, as they are in rules.
func (a *api) envelope(given json.RawMessage, region string) (envelope []byte, bus string, err error) {
	if len(given) == 0 {
		return nil, "", badRequest("event is required.")
	}
	if !event.IsObject(given) {
		return nil, "", badRequest("event is not a JSON object.")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(given, &members); err != nil {
		return nil, "", badRequest("event: %v.", err)
	}
	has := func(name string) bool { _, ok := members[name]; return ok }
	if !slices.ContainsFunc(envelopeMembers, func(name string) bool { return !has(name) }) {
		return given, "", nil
	}
	known := envelopeMembers
	if slices.ContainsFunc(entryMembers, has) {
		known = entryMembers
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, name) {
			return nil, "", badRequest("event has a member %.100q. An event has %s; an entry of PutEvents has %s.",
				name, strings.Join(envelopeMembers, ", "), strings.Join(entryMembers, ", "))
		}
	}
	var e eventGiven
	if slices.Contains(known, "Source") {
		e, bus, err = entryGiven(given)
	} else {
		err = json.Unmarshal(given, &e)
	}
	if err != nil {
		return nil, "", badRequest("event: %v.", err)
	}
	now := a.router.Now()
	if e.ID == (event.ID{}) {
		var ids event.IDs
		e.ID = ids.New(now)
	}
	if len(e.Detail) == 0 {
		e.Detail = json.RawMessage("{}")
	}
	entry := &event.Entry{
		Time: e.Time, Source: e.Source, DetailType: e.DetailType, Resources: e.Resources, Detail: e.Detail,
	}
	region = cmp.Or(e.Region, region, a.Region)
	return event.New(e.ID, entry, cmp.Or(e.Account, a.Account), region, now).JSON, bus, nil
}

type eventGiven struct {
	ID         event.ID        `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// entryGiven reads an entry of PutEvents as the AWS CLI takes it: its Time may be
// a number of seconds or a text.
func entryGiven(given []byte) (e eventGiven, bus string, err error) {
	var entry struct {
		Source, DetailType, Detail, EventBusName string
		Resources                                []string
		Time                                     json.RawMessage
	}
	if err := json.Unmarshal(given, &entry); err != nil {
		return e, "", err
	}
	e = eventGiven{Source: entry.Source, DetailType: entry.DetailType, Resources: entry.Resources, Detail: json.RawMessage(entry.Detail)}
	if entry.Detail != "" && !event.IsObject(e.Detail) {
		return e, "", errors.New("Detail is not a text with a JSON object")
	}
	if len(entry.Time) > 0 && entry.Time[0] == '"' {
		err = json.Unmarshal(entry.Time, &e.Time)
	} else if len(entry.Time) > 0 && string(entry.Time) != "null" {
		var seconds awsjson.Time
		err = seconds.UnmarshalJSON(entry.Time)
		e.Time = seconds.Time
	}
	return e, entry.EventBusName, err
}

// preview answers with the exact request that would be sent, secrets masked;
// nothing is sent.
func (a *api) preview(r *http.Request) (any, error) {
	var ask PreviewRequest
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	body, _, err := a.envelope(ask.Event, ask.Region)
	if err != nil {
		return nil, err
	}
	ruleARN := ask.RuleARN
	if ruleARN == "" && ask.Region != "" {
		ruleARN = a.router.Rules().RuleARN(ask.Region, rule.DefaultBus, "preview")
	}
	preview, failure, err := a.router.Preview(r.Context(), ask.Target, body, ruleARN)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return nil, &problem{http.StatusUnprocessableEntity, string(failure.Code), failure.Message}
	}
	return preview, nil
}

// explain says of each rule of a bus whether it matches the event.
func (a *api) explain(r *http.Request) (any, error) {
	var ask ExplainRequest
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	region := cmp.Or(ask.Region, a.Region)
	body, bus, err := a.envelope(ask.Event, region)
	if err != nil {
		return nil, err
	}
	ask.EventBusName = cmp.Or(ask.EventBusName, bus)
	answer := Explanations{Rules: []Explanation{}}
	for page := (rule.Page{}); ; {
		rules, next, err := a.router.Rules().Rules(region, ask.EventBusName, ask.Rule, page)
		if unknown, ok := errors.AsType[*rule.Error](err); ok && unknown.Kind == rule.NotFound {
			return nil, &problem{http.StatusNotFound, "NotFound", strings.TrimSpace(fmt.Sprintf("In region %s: %s %s", region, unknown.Message, Elsewhere(a.elsewhere())))}
		}
		if err != nil {
			return nil, err
		}
		for _, rl := range rules {
			if ask.Rule != "" && ask.Rule != rl.Name {
				continue
			}
			e, err := a.explainRule(r.Context(), rl, body)
			if err != nil {
				return nil, err
			}
			answer.Rules = append(answer.Rules, e)
		}
		if next == "" {
			break
		}
		page.Token = next
	}
	if len(answer.Rules) == 0 {
		answer.Elsewhere = a.elsewhere()
	}
	if ask.Rule != "" && len(answer.Rules) == 0 {
		return nil, &problem{http.StatusNotFound, "NotFound", "There is no rule " + ask.Rule + " on this event bus in region " + region + ". " + Elsewhere(answer.Elsewhere)}
	}
	return answer, nil
}

// maxElsewhere bounds how many other buses are named.
const maxElsewhere = 20

// elsewhere lists buses that have rules.
func (a *api) elsewhere() (all []RulesElsewhere) {
	for _, b := range a.router.Rules().WithRules() {
		if len(all) < maxElsewhere {
			all = append(all, RulesElsewhere{b.Region, b.Bus, b.Rules})
		}
	}
	return all
}

// explainRule explains a rule and, where it matches, says which of its targets
// would not be sent the event, and why.
func (a *api) explainRule(ctx context.Context, rl *rule.Rule, event []byte) (Explanation, error) {
	e := explain(rl, event)
	if !e.Matched {
		return e, nil
	}
	for i := range rl.Targets {
		key := rule.RouteKey{Region: rl.Region, Bus: rl.EventBusName, Rule: rl.Name, Target: rl.Targets[i].ID}
		failure, err := a.router.WouldFail(ctx, key, event)
		if err != nil {
			return e, err
		}
		if failure != nil {
			e.Notes = append(e.Notes, TargetNote{key.Target, string(failure.Code) + ": " + failure.Message})
		}
		if route, ok := a.router.Rules().Route(key); ok { // else removed meanwhile
			for _, note := range deliver.Notes(route, event) {
				e.Notes = append(e.Notes, TargetNote{key.Target, note})
			}
		}
	}
	return e, nil
}

func explain(rl *rule.Rule, event []byte) Explanation {
	e := Explanation{Rule: rl.Name, Targets: len(rl.Targets)}
	for i := range rl.Targets {
		if a, err := arn.Parse(rl.Targets[i].ARN); err == nil && a.Service == "events" {
			e.Buses++
		}
	}
	switch {
	case rl.State == rule.Disabled:
		e.Reason = "the rule is disabled"
	case rl.EventPattern == "":
		e.Reason = "the rule has a schedule and no event pattern"
	default:
		p, err := pattern.Parse(rl.EventPattern)
		if err != nil { // it was parsed when the rule was put
			e.Reason = err.Error()
			return e
		}
		x := pattern.Explain(p, event)
		e.Matched, e.Reason = x.Matched, x.Reason
	}
	return e
}

func (a *api) clock(*http.Request) (any, error) { return Clock{Now: a.router.Now()}, nil }

// advance moves a virtual clock and answers when everything that was due on
// the way has been done.
func (a *api) advance(r *http.Request) (any, error) {
	var ask AdvanceRequest
	if err := decode(r, &ask); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(ask.By)
	if err != nil || by < 0 {
		return nil, badRequest("by is a duration such as 24h, not %q.", ask.By)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	a.endWhenStopping(ctx, cancel)
	if err := a.router.Advance(ctx, by); err != nil {
		return nil, err
	}
	return Clock{Now: a.router.Now()}, nil
}
