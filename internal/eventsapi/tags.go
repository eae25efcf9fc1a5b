package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
	"bailey/internal/rule"
)

type tagResourceInput struct {
	ResourceARN string
	Tags        []rule.Tag
}

func (a *api) tagResource(ctx context.Context, c *awsjson.Call, in *tagResourceInput) (*none, error) {
	return new(none), a.rules.Tag(ctx, c.Region, in.ResourceARN, in.Tags)
}

type untagResourceInput struct {
	ResourceARN string
	TagKeys     []string
}

func (a *api) untagResource(ctx context.Context, c *awsjson.Call, in *untagResourceInput) (*none, error) {
	return new(none), a.rules.Untag(ctx, c.Region, in.ResourceARN, in.TagKeys)
}

type listTagsForResourceInput struct{ ResourceARN string }

type listTagsForResourceOutput struct{ Tags []rule.Tag }

func (a *api) listTagsForResource(_ context.Context, c *awsjson.Call, in *listTagsForResourceInput) (*listTagsForResourceOutput, error) {
	tags, err := a.rules.Tags(c.Region, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	if tags == nil {
		tags = []rule.Tag{}
	}
	return &listTagsForResourceOutput{tags}, nil
}
