package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/rule"
)

type putTargetsInput struct {
	Rule         string
	EventBusName string
	Targets      []rule.Target
}

// failedEntries is the part of an answer that lists what of a request was not
// done. PutTargets and RemoveTargets do all of it or nothing.
type failedEntries struct {
	FailedEntryCount int
	FailedEntries    []none
}

func noneFailed() *failedEntries { return &failedEntries{FailedEntries: []none{}} }

func (a *api) putTargets(ctx context.Context, c *awsjson.Call, in *putTargetsInput) (*failedEntries, error) {
	if err := a.rules.PutTargets(ctx, c.Region, in.EventBusName, in.Rule, in.Targets); err != nil {
		return nil, err
	}
	return noneFailed(), nil
}

type removeTargetsInput struct {
	Rule         string
	EventBusName string
	IDs          []string `json:"Ids"`
	Force        bool
}

func (a *api) removeTargets(ctx context.Context, c *awsjson.Call, in *removeTargetsInput) (*failedEntries, error) {
	if err := a.rules.RemoveTargets(ctx, c.Region, in.EventBusName, in.Rule, in.IDs, in.Force); err != nil {
		return nil, err
	}
	return noneFailed(), nil
}

type listTargetsByRuleInput struct {
	Rule         string
	EventBusName string
	page
}

type listTargetsByRuleOutput struct {
	Targets   []rule.Target
	NextToken string `json:",omitempty"`
}

func (a *api) listTargetsByRule(_ context.Context, c *awsjson.Call, in *listTargetsByRuleInput) (*listTargetsByRuleOutput, error) {
	targets, next, err := a.rules.Targets(c.Region, in.EventBusName, in.Rule, in.page.page())
	if err != nil {
		return nil, err
	}
	if targets == nil {
		targets = []rule.Target{}
	}
	return &listTargetsByRuleOutput{targets, next}, nil
}
