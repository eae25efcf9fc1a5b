package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/event"
	"bailey/internal/rule"
)

// ruleInput names a rule.
type ruleInput struct {
	Name         string
	EventBusName string
}

// ruleListed is a rule in a list.
type ruleListed struct {
	Name               string
	Arn                string
	EventPattern       *string `json:",omitempty"`
	ScheduleExpression *string `json:",omitempty"`
	State              rule.State
	Description        string `json:",omitempty"`
	RoleArn            string `json:",omitempty"`
	ManagedBy          string `json:",omitempty"`
	EventBusName       string
}

func (a *api) listed(r *rule.Rule) ruleListed {
	return ruleListed{
		Name:               r.Name,
		Arn:                a.rules.RuleARN(r.Region, r.EventBusName, r.Name),
		EventPattern:       shown(r.EventPattern, r.EmptyPattern),
		ScheduleExpression: shown(r.ScheduleExpression, r.EmptySchedule),
		State:              r.State,
		Description:        r.Description,
		RoleArn:            r.RoleARN,
		ManagedBy:          r.ManagedBy,
		EventBusName:       r.EventBusName,
	}
}

// shown is what an answer has of a text: nothing where there is none, unless it
// was given as an empty one.
func shown(text string, empty bool) *string {
	if text == "" && !empty {
		return nil
	}
	return &text
}

type putRuleInput struct {
	ruleInput
	ScheduleExpression *string
	EventPattern       *string
	State              rule.State
	Description        string
	RoleArn            string
	Tags               []rule.Tag
}

type putRuleOutput struct{ RuleArn string }

func (a *api) putRule(ctx context.Context, c *awsjson.Call, in *putRuleInput) (*putRuleOutput, error) {
	ruleARN, err := a.rules.PutRule(ctx, rule.Rule{
		Region:             c.Region,
		EventBusName:       in.EventBusName,
		Name:               in.Name,
		EventPattern:       text(in.EventPattern),
		ScheduleExpression: text(in.ScheduleExpression),
		EmptyPattern:       isEmpty(in.EventPattern),
		EmptySchedule:      isEmpty(in.ScheduleExpression),
		State:              in.State,
		Description:        in.Description,
		RoleARN:            in.RoleArn,
		Tags:               in.Tags,
	})
	if err != nil {
		return nil, err
	}
	return &putRuleOutput{ruleARN}, nil
}

// text is what a call has of a text; nothing is an empty one.
func text(given *string) string {
	if given == nil {
		return ""
	}
	return *given
}

func isEmpty(given *string) bool { return given != nil && *given == "" }

type deleteRuleInput struct {
	ruleInput
	Force bool
}

func (a *api) deleteRule(ctx context.Context, c *awsjson.Call, in *deleteRuleInput) (*none, error) {
	return nil, a.rules.DeleteRule(ctx, c.Region, in.EventBusName, in.Name, in.Force)
}

type describeRuleOutput struct {
	ruleListed
	CreatedBy string
}

func (a *api) describeRule(_ context.Context, c *awsjson.Call, in *ruleInput) (*describeRuleOutput, error) {
	r, err := a.rules.Rule(c.Region, in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	return &describeRuleOutput{a.listed(r), r.CreatedBy}, nil
}

type listRulesInput struct {
	NamePrefix   string
	EventBusName string
	page
}

type listRulesOutput struct {
	Rules     []ruleListed
	NextToken string `json:",omitempty"`
}

func (a *api) listRules(_ context.Context, c *awsjson.Call, in *listRulesInput) (*listRulesOutput, error) {
	rules, next, err := a.rules.Rules(c.Region, in.EventBusName, in.NamePrefix, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listRulesOutput{Rules: []ruleListed{}, NextToken: next}
	for _, r := range rules {
		out.Rules = append(out.Rules, a.listed(r))
	}
	return out, nil
}

func (a *api) enableRule(ctx context.Context, c *awsjson.Call, in *ruleInput) (*none, error) {
	return nil, a.rules.SetState(ctx, c.Region, in.EventBusName, in.Name, rule.Enabled)
}

func (a *api) disableRule(ctx context.Context, c *awsjson.Call, in *ruleInput) (*none, error) {
	return nil, a.rules.SetState(ctx, c.Region, in.EventBusName, in.Name, rule.Disabled)
}

type listRuleNamesByTargetInput struct {
	TargetArn    string
	EventBusName string
	page
}

type listRuleNamesByTargetOutput struct {
	RuleNames []string
	NextToken string `json:",omitempty"`
}

func (a *api) listRuleNamesByTarget(_ context.Context, c *awsjson.Call, in *listRuleNamesByTargetInput) (*listRuleNamesByTargetOutput, error) {
	names, next, err := a.rules.RuleNamesByTarget(c.Region, in.EventBusName, in.TargetArn, in.page.page())
	if err != nil {
		return nil, err
	}
	return &listRuleNamesByTargetOutput{names, next}, nil
}

type testEventPatternInput struct {
	EventPattern string
	Event        string
}

type testEventPatternOutput struct{ Result bool }

func (a *api) testEventPattern(_ context.Context, _ *awsjson.Call, in *testEventPatternInput) (*testEventPatternOutput, error) {
	p, err := rule.ParsePattern(in.EventPattern)
	if err != nil {
		return nil, answer(err)
	}
	if err := event.CheckEnvelope([]byte(in.Event)); err != nil {
		return nil, invalid(err.Error())
	}
	return &testEventPatternOutput{p.Match([]byte(in.Event))}, nil
}
