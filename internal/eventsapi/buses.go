package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/policy"
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
	key, err := a.rules.KeyOfBus(c.Region, in.KmsKeyIdentifier)
	if err != nil {
		return nil, err
	}
	in.KmsKeyIdentifier = key
	err = a.rules.CreateBus(ctx, rule.Bus{
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
	ManagedBy        string `json:",omitempty"`
	Policy           string `json:",omitempty"`
	CreationTime     awsjson.Time
	LastModifiedTime awsjson.Time
}

type busDescribed struct {
	Name string
	Arn  string
	busSettings
	ManagedBy        string `json:",omitempty"`
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
		ManagedBy:        b.ManagedBy,
		Policy:           b.Policy,
		CreationTime:     awsjson.Time{Time: b.Created},
		LastModifiedTime: awsjson.Time{Time: b.Modified},
	}, nil
}

type updateEventBusInput struct {
	Name             string
	Description      *string
	KmsKeyIdentifier *string
	DeadLetterConfig *updatedDeadLetterConfig
	LogConfig        *rule.LogConfig
}

// updatedDeadLetterConfig tells an empty Arn, which takes the queue away, from
// none, which AWS refuses.
type updatedDeadLetterConfig struct {
	ARN *string `json:"Arn"`
}

// settings returns the config that the bus has then.
func (c *updatedDeadLetterConfig) settings() (*rule.DeadLetterConfig, error) {
	switch {
	case c == nil:
		return nil, nil
	case c.ARN == nil:
		return nil, invalid("Parameter DeadLetterConfig.Arn is not valid. Reason: Provide a valid SQS queue ARN, or an empty string to remove the dead-letter queue configuration.")
	case *c.ARN == "":
		return nil, nil
	}
	return &rule.DeadLetterConfig{ARN: *c.ARN}, nil
}

type updateEventBusOutput struct {
	Name string
	Arn  string
	busSettings
}

// updateEventBus changes those of a bus's settings that the call has; the rest
// stay. An empty text takes one away: a description, a key, a queue's ARN.
func (a *api) updateEventBus(ctx context.Context, c *awsjson.Call, in *updateEventBusInput) (*updateEventBusOutput, error) {
	deadLetters, err := in.DeadLetterConfig.settings()
	if err != nil {
		return nil, err
	}
	b, err := a.rules.UpdateBus(ctx, c.Region, in.Name, func(b *rule.Bus) error {
		if in.Description != nil {
			b.Description = *in.Description
		}
		if in.KmsKeyIdentifier != nil {
			key, err := a.rules.KeyOfBus(c.Region, *in.KmsKeyIdentifier)
			if err != nil {
				return err
			}
			b.KmsKeyIdentifier = key
		}
		if in.DeadLetterConfig != nil {
			b.DeadLetterConfig = deadLetters
		}
		if in.LogConfig != nil {
			b.LogConfig = in.LogConfig
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &updateEventBusOutput{b.Name, a.rules.BusARN(b.Region, b.Name), settingsOf(b)}, nil
}

type putPermissionInput struct {
	EventBusName string
	Action       string
	Principal    string
	StatementID  string `json:"StatementId"`
	Condition    *policy.Condition
	Policy       *string
}

// putPermission takes a permission in its short form, or all of a policy.
func (a *api) putPermission(ctx context.Context, c *awsjson.Call, in *putPermissionInput) (*none, error) {
	if in.Policy == nil {
		return nil, a.rules.PutPermission(ctx, c.Region, in.EventBusName, policy.Permission{
			Action:      in.Action,
			Principal:   in.Principal,
			StatementID: in.StatementID,
			Condition:   in.Condition,
		})
	}
	if in.Action != "" || in.Principal != "" || in.StatementID != "" || in.Condition != nil {
		return nil, invalid("Action, Principal, StatementId and Condition could not be combined with Policy parameter.")
	}
	return nil, a.rules.PutPolicy(ctx, c.Region, in.EventBusName, *in.Policy)
}

type removePermissionInput struct {
	EventBusName         string
	StatementID          string `json:"StatementId"`
	RemoveAllPermissions bool
}

// removePermission removes one statement of a policy, or all of it.
func (a *api) removePermission(ctx context.Context, c *awsjson.Call, in *removePermissionInput) (*none, error) {
	switch {
	case in.RemoveAllPermissions && in.StatementID != "":
		return nil, invalid("StatementId could not be combined with All parameter.")
	case in.RemoveAllPermissions:
		return nil, a.rules.RemovePolicy(ctx, c.Region, in.EventBusName)
	case in.StatementID == "":
		return nil, invalid("Parameter(s) StatementId must be specified.")
	}
	return nil, a.rules.RemovePermission(ctx, c.Region, in.EventBusName, in.StatementID)
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
			ManagedBy:        b.ManagedBy,
			Policy:           b.Policy,
			CreationTime:     awsjson.Time{Time: b.Created},
			LastModifiedTime: awsjson.Time{Time: b.Modified},
		})
	}
	return out, nil
}
