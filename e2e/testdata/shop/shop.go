// Package shop stands for an application: it tells the world of its orders by events.
package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// Order is what somebody has bought.
type Order struct {
	ID    string  `json:"id"`
	Total float64 `json:"total"`
}

// Shop takes orders.
type Shop struct{ Events *eventbridge.Client }

// Place takes an order and returns the id of the event that says so.
func (s *Shop) Place(ctx context.Context, o Order) (eventID string, err error) {
	detail, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	put, err := s.Events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String("shop"), DetailType: aws.String("Order Placed"), Detail: aws.String(string(detail)),
	}}})
	if err != nil {
		return "", fmt.Errorf("placing order %s: %w", o.ID, err)
	}
	if put.FailedEntryCount > 0 {
		return "", errors.New(*put.Entries[0].ErrorMessage)
	}
	return *put.Entries[0].EventId, nil
}
