package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/rule"
)

// destination is where a replay puts events.
type destination struct {
	Arn        string
	FilterArns []string `json:",omitempty"`
}

type startReplayInput struct {
	ReplayName     string
	Description    string
	EventSourceArn string
	EventStartTime awsjson.Time
	EventEndTime   awsjson.Time
	Destination    destination
}

// replayAnswer is what StartReplay and CancelReplay answer.
type replayAnswer struct {
	ReplayArn       string
	State           rule.ReplayState
	ReplayStartTime *awsjson.Time `json:",omitempty"`
}

func (a *api) startReplay(ctx context.Context, c *awsjson.Call, in *startReplayInput) (*replayAnswer, error) {
	p, err := a.rules.StartReplay(ctx, rule.Replay{
		Region:      c.Region,
		Name:        in.ReplayName,
		Description: in.Description,
		FilterARNs:  in.Destination.FilterArns,
		From:        in.EventStartTime.Time,
		Until:       in.EventEndTime.Time,
	}, in.EventSourceArn, in.Destination.Arn)
	if err != nil {
		return nil, err
	}
	return &replayAnswer{a.rules.ReplayARN(p.Region, p.Name), p.State, &awsjson.Time{Time: p.Started}}, nil
}

type replayNameInput struct{ ReplayName string }

func (a *api) cancelReplay(ctx context.Context, c *awsjson.Call, in *replayNameInput) (*replayAnswer, error) {
	p, err := a.rules.CancelReplay(ctx, c.Region, in.ReplayName)
	if err != nil {
		return nil, err
	}
	return &replayAnswer{a.rules.ReplayARN(p.Region, p.Name), p.State, nil}, nil
}

// replayListed is a replay in a list; replayDescribed is all of it.
type replayListed struct {
	ReplayName            string
	EventSourceArn        string
	State                 rule.ReplayState
	StateReason           string `json:",omitempty"`
	EventStartTime        awsjson.Time
	EventEndTime          awsjson.Time
	EventLastReplayedTime *awsjson.Time `json:",omitempty"`
	ReplayStartTime       awsjson.Time
	ReplayEndTime         *awsjson.Time `json:",omitempty"`
}

type replayDescribed struct {
	ReplayArn string
	replayListed
	Description string `json:",omitempty"`
	Destination destination
}

func (a *api) replayListed(ctx context.Context, p *rule.Replay) (replayListed, error) {
	listed := replayListed{
		ReplayName:      p.Name,
		EventSourceArn:  a.rules.ArchiveARN(p.Region, p.Archive),
		State:           p.State,
		StateReason:     p.Reason,
		EventStartTime:  awsjson.Time{Time: p.From},
		EventEndTime:    awsjson.Time{Time: p.Until},
		ReplayStartTime: awsjson.Time{Time: p.Started},
	}
	if !p.Ended.IsZero() {
		listed.ReplayEndTime = &awsjson.Time{Time: p.Ended}
	}
	last, err := a.events.LastReplayed(ctx, p)
	if !last.IsZero() {
		listed.EventLastReplayedTime = &awsjson.Time{Time: last}
	}
	return listed, err
}

// settled returns the replay as it is after a moment, if that may be its last.
func (a *api) settled(ctx context.Context, p *rule.Replay) *rule.Replay {
	if !p.Active() {
		return p
	}
	a.events.AwaitReplay(ctx, p)
	if now, err := a.rules.Replay(p.Region, p.Name); err == nil && now.ID == p.ID {
		return now
	}
	return p
}

func (a *api) describeReplay(ctx context.Context, c *awsjson.Call, in *replayNameInput) (*replayDescribed, error) {
	p, err := a.rules.Replay(c.Region, in.ReplayName)
	if err != nil {
		return nil, err
	}
	p = a.settled(ctx, p)
	listed, err := a.replayListed(ctx, p)
	if err != nil {
		return nil, err
	}
	return &replayDescribed{
		ReplayArn:    a.rules.ReplayARN(p.Region, p.Name),
		replayListed: listed,
		Description:  p.Description,
		Destination:  destination{a.rules.BusARN(p.Region, p.Bus), p.FilterARNs},
	}, nil
}

type listReplaysInput struct {
	filters
	page
}

type listReplaysOutput struct {
	Replays   []replayListed
	NextToken string `json:",omitempty"`
}

func (a *api) listReplays(ctx context.Context, c *awsjson.Call, in *listReplaysInput) (*listReplaysOutput, error) {
	if err := in.check(c.Operation); err != nil {
		return nil, err
	}
	replays, next, err := a.rules.Replays(c.Region, in.NamePrefix, rule.ReplayState(in.State), in.EventSourceArn, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listReplaysOutput{Replays: []replayListed{}, NextToken: next}
	for _, p := range replays {
		if in.State == "" { // else it would be in another state than was asked for
			p = a.settled(ctx, p)
		}
		listed, err := a.replayListed(ctx, p)
		if err != nil {
			return nil, err
		}
		out.Replays = append(out.Replays, listed)
	}
	return out, nil
}
