package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/rule"
)

// busSettings are what can be configured of a bus, as requests and answers have
// them.
type busSettings struct {
	Description      string                 `json:",omitempty"`
	KmsKeyIdentifier string                 `json:",omitempty"`
	DeadLetterConfig *rule.DeadLetterConfig `json:",omitempty"`
	LogConfig        *rule.LogConfig        `json:",omitempty"`
}

func settingsOf(b *rule.Bus) busSettings {
	return busSettings{b.Description, b.KmsKeyIdentifier, b.DeadLetterConfig, b.LogConfig}
}

type createEventBusInput struct {
	Name            string
	EventSourceName string
	busSettings
	Tags []rule.Tag
}

type createEventBusOutput struct {
	EventBusArn string
	busSettings
}

func (a *api) createEventBus(ctx context.Context, c *awsjson.Call, in *createEventBusInput) (*createEventBusOutput, error) {
	err := a.rules.CreateBus(ctx, rule.Bus{
		Region:           c.Region,
		Name:             in.Name,
		EventSourceName:  in.EventSourceName,
		Description:      in.Description,
		KmsKeyIdentifier: in.KmsKeyIdentifier,
		DeadLetterConfig: in.DeadLetterConfig,
		LogConfig:        in.LogConfig,
		Tags:             in.Tags,
	})
	if err != nil {
		return nil, err
	}
	return &createEventBusOutput{a.rules.BusARN(c.Region, in.Name), in.busSettings}, nil
}

type busNameInput struct{ Name string }

func (a *api) deleteEventBus(ctx context.Context, c *awsjson.Call, in *busNameInput) (*none, error) {
	return nil, a.rules.DeleteBus(ctx, c.Region, in.Name)
}

// busListed is a bus in a list; busDescribed is all of it.
type busListed struct {
	Name             string
	Arn              string
	Description      string `json:",omitempty"`
	Policy           string `json:",omitempty"`
	CreationTime     awsjson.Time
	LastModifiedTime awsjson.Time
}

type busDescribed struct {
	Name string
	Arn  string
	busSettings
	Policy           string `json:",omitempty"`
	CreationTime     awsjson.Time
	LastModifiedTime awsjson.Time
}

func (a *api) describeEventBus(_ context.Context, c *awsjson.Call, in *busNameInput) (*busDescribed, error) {
	b, err := a.rules.Bus(c.Region, in.Name)
	if err != nil {
		return nil, err
	}
	return &busDescribed{
		Name:             b.Name,
		Arn:              a.rules.BusARN(b.Region, b.Name),
		busSettings:      settingsOf(b),
		Policy:           b.Policy,
		CreationTime:     awsjson.Time{Time: b.Created},
		LastModifiedTime: awsjson.Time{Time: b.Modified},
	}, nil
}

type listEventBusesInput struct {
	NamePrefix string
	page
}

type listEventBusesOutput struct {
	EventBuses []busListed
	NextToken  string `json:",omitempty"`
}

func (a *api) listEventBuses(_ context.Context, c *awsjson.Call, in *listEventBusesInput) (*listEventBusesOutput, error) {
	buses, next, err := a.rules.Buses(c.Region, in.NamePrefix, in.page.page())
	if err != nil {
		return nil, err
	}
	out := &listEventBusesOutput{EventBuses: []busListed{}, NextToken: next}
	for _, b := range buses {
		out.EventBuses = append(out.EventBuses, busListed{
			Name:             b.Name,
			Arn:              a.rules.BusARN(b.Region, b.Name),
			Description:      b.Description,
			Policy:           b.Policy,
			CreationTime:     awsjson.Time{Time: b.Created},
			LastModifiedTime: awsjson.Time{Time: b.Modified},
		})
	}
	return out, nil
}
