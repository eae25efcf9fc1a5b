package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/event"
	"bailey/internal/rule"
)

type partnerSourceInput struct{ Name, Account string }

type createPartnerEventSourceOutput struct{ EventSourceArn string }

func (a *api) createPartnerEventSource(ctx context.Context, c *awsjson.Call, in *partnerSourceInput) (*createPartnerEventSourceOutput, error) {
	if err := a.rules.CreateSource(ctx, c.Region, in.Name, in.Account); err != nil {
		return nil, err
	}
	return &createPartnerEventSourceOutput{a.rules.SourceARN(c.Region, in.Name)}, nil
}

func (a *api) deletePartnerEventSource(ctx context.Context, c *awsjson.Call, in *partnerSourceInput) (*none, error) {
	return nil, a.rules.DeleteSource(ctx, c.Region, in.Name, in.Account)
}

type sourceNameInput struct{ Name string }

// partnerSource is what a partner sees of an event source.
type partnerSource struct{ Arn, Name string }

func (a *api) describePartnerEventSource(_ context.Context, c *awsjson.Call, in *sourceNameInput) (*partnerSource, error) {
	if err := a.rules.PartnerSource(c.Region, in.Name); err != nil {
		return nil, err
	}
	return &partnerSource{a.rules.SourceARN(c.Region, in.Name), in.Name}, nil
}

type listSourcesInput struct {
	NamePrefix string
	page
}

type listPartnerEventSourcesOutput struct {
	PartnerEventSources []partnerSource
	NextToken           string `json:",omitempty"`
}

func (a *api) listPartnerEventSources(_ context.Context, c *awsjson.Call, in *listSourcesInput) (*listPartnerEventSourcesOutput, error) {
	sources, next, err := a.rules.PartnerSources(c.Region, in.NamePrefix, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listPartnerEventSourcesOutput{PartnerEventSources: []partnerSource{}, NextToken: next}
	for _, s := range sources {
		out.PartnerEventSources = append(out.PartnerEventSources, partnerSource{a.rules.SourceARN(s.Region, s.Name), s.Name})
	}
	return out, nil
}

type listPartnerEventSourceAccountsInput struct {
	EventSourceName string
	page
}

// sourceAccount is an account that an event source was offered to.
type sourceAccount struct {
	Account        string
	CreationTime   awsjson.Time
	ExpirationTime *awsjson.Time `json:",omitempty"`
	State          rule.SourceState
}

type listPartnerEventSourceAccountsOutput struct {
	PartnerEventSourceAccounts []sourceAccount
	NextToken                  string `json:",omitempty"`
}

func (a *api) listPartnerEventSourceAccounts(_ context.Context, c *awsjson.Call, in *listPartnerEventSourceAccountsInput) (*listPartnerEventSourceAccountsOutput, error) {
	sources, next, err := a.rules.SourceAccounts(c.Region, in.EventSourceName, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listPartnerEventSourceAccountsOutput{PartnerEventSourceAccounts: []sourceAccount{}, NextToken: next}
	for _, s := range sources {
		out.PartnerEventSourceAccounts = append(out.PartnerEventSourceAccounts, sourceAccount{
			Account:        s.Account,
			CreationTime:   awsjson.Time{Time: s.Created},
			ExpirationTime: expiration(s),
			State:          s.State,
		})
	}
	return out, nil
}

func expiration(s *rule.EventSource) *awsjson.Time {
	if s.Expires.IsZero() {
		return nil
	}
	return &awsjson.Time{Time: s.Expires}
}

// eventSource is what an account sees of an event source that it was offered.
type eventSource struct {
	Arn            string
	CreatedBy      string
	CreationTime   awsjson.Time
	ExpirationTime *awsjson.Time `json:",omitempty"`
	Name           string
	State          rule.SourceState
}

func (a *api) eventSource(s *rule.EventSource) eventSource {
	return eventSource{
		Arn:            a.rules.SourceARN(s.Region, s.Name),
		CreatedBy:      s.Partner(),
		CreationTime:   awsjson.Time{Time: s.Created},
		ExpirationTime: expiration(s),
		Name:           s.Name,
		State:          s.State,
	}
}

func (a *api) describeEventSource(_ context.Context, c *awsjson.Call, in *sourceNameInput) (*eventSource, error) {
	s, err := a.rules.Source(c.Region, in.Name)
	if err != nil {
		return nil, err
	}
	out := a.eventSource(s)
	return &out, nil
}

type listEventSourcesOutput struct {
	EventSources []eventSource
	NextToken    string `json:",omitempty"`
}

func (a *api) listEventSources(_ context.Context, c *awsjson.Call, in *listSourcesInput) (*listEventSourcesOutput, error) {
	sources, next, err := a.rules.Sources(c.Region, in.NamePrefix, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listEventSourcesOutput{EventSources: []eventSource{}, NextToken: next}
	for _, s := range sources {
		out.EventSources = append(out.EventSources, a.eventSource(s))
	}
	return out, nil
}

func (a *api) activateEventSource(ctx context.Context, c *awsjson.Call, in *sourceNameInput) (*none, error) {
	return nil, a.rules.ActivateSource(ctx, c.Region, in.Name)
}

func (a *api) deactivateEventSource(ctx context.Context, c *awsjson.Call, in *sourceNameInput) (*none, error) {
	return nil, a.rules.DeactivateSource(ctx, c.Region, in.Name)
}

type putPartnerEventsInput struct {
	Entries []struct {
		Time       *awsjson.Time
		Source     string
		Resources  []string
		DetailType string
		Detail     string
	}
}

type partnerResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

type putPartnerEventsOutput struct {
	FailedEntryCount int
	Entries          []partnerResult
}

// putPartnerEvents takes a partner's events, the way of all others, onto the bus
// of the source's name. Events of a source that is not active are taken and go
// nowhere.
func (a *api) putPartnerEvents(ctx context.Context, c *awsjson.Call, in *putPartnerEventsInput) (*putPartnerEventsOutput, error) {
	out := &putPartnerEventsOutput{Entries: make([]partnerResult, len(in.Entries))}
	var entries []event.Entry
	var places []int
	size := 0
	for i := range in.Entries {
		from := &in.Entries[i]
		e := event.Entry{Source: from.Source, DetailType: from.DetailType, Resources: from.Resources, Detail: []byte(from.Detail)}
		if from.Time != nil {
			e.Time = from.Time.Time
		}
		size += e.Size()
		if e.Source != "" {
			bus, err := a.rules.Deliverable(c.Region, e.Source)
			if err != nil {
				out.Entries[i] = partnerResult{ErrorCode: event.InvalidArgument, ErrorMessage: "Parameter Source is not valid. Reason: " + err.Error()}
				continue
			}
			// The ARN of a source is no bus's name: nothing matches there.
			if e.Bus = bus; bus == "" {
				e.Bus = a.rules.SourceARN(c.Region, e.Source)
			}
		}
		entries, places = append(entries, e), append(places, i)
	}
	if size > event.MaxTotalSize {
		return nil, invalid("Total size of the entries in the request is over the limit.")
	}
	results, err := a.events.PutEvents(ctx, c.Region, entries)
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		if r.ErrorCode != "" {
			out.Entries[places[i]] = partnerResult{ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage}
			continue
		}
		out.Entries[places[i]] = partnerResult{EventID: r.ID.String()}
		a.metrics.Source(c.Region, []byte(entries[i].Source)).Ingested()
	}
	for _, r := range out.Entries {
		if r.ErrorCode != "" {
			out.FailedEntryCount++
		}
	}
	return out, nil
}
