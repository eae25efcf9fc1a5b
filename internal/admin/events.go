package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"bailey/internal/rule"
	"bailey/internal/store"
	"bailey/pattern"
)

// FoundEvent is an event in a list.
type FoundEvent struct {
	EventID      string    `json:"eventId"`
	Region       string    `json:"region"`
	EventBusName string    `json:"eventBusName"`
	IngestedAt   time.Time `json:"ingestedAt"`
	Source       string    `json:"source"`
	DetailType   string    `json:"detailType"`
	// Targets are those that the event was for, by rule. Archives and event
	// buses are none of them.
	Targets []EventTarget `json:"targets"`
}

// EventTarget names a target.
type EventTarget struct {
	Rule     string `json:"rule"`
	TargetID string `json:"targetId"`
}

// Events is a page of events, newest first. With a Next it is not the last,
// however many events it has: a page looks at a bounded number of them.
type Events struct {
	Events []FoundEvent `json:"events"`
	Next   string       `json:"next,omitempty"`
}

// events finds events.
func (a *api) events(r *http.Request) (any, error) {
	params := r.URL.Query()
	for name := range params {
		switch name {
		case "region", "eventBusName", "containing", "pattern", "unmatched", "since", "limit", "next":
		default:
			return nil, badRequest("There is no parameter %q here.", name)
		}
	}
	q := store.EventQuery{Region: params.Get("region"), Bus: params.Get("eventBusName"), Next: params.Get("next")}
	var err error
	var wanted *pattern.Pattern
	if text := params.Get("pattern"); text != "" {
		if wanted, err = rule.ParsePattern(text); err != nil {
			return nil, err
		}
	}
	text := []byte(params.Get("containing"))
	q.Match = func(envelope []byte) bool {
		return bytes.Contains(envelope, text) && (wanted == nil || wanted.Match(envelope))
	}
	if value := params.Get("unmatched"); value != "" {
		if q.Unmatched, err = strconv.ParseBool(value); err != nil {
			return nil, badRequest("unmatched is true or false, not %q.", value)
		}
	}
	if q.Since, q.Limit, err = a.span(params); err != nil {
		return nil, err
	}
	page, next, err := a.router.Events(r.Context(), q)
	if errors.Is(err, store.ErrToken) {
		return nil, badRequest("%v.", err)
	}
	if err != nil {
		return nil, err
	}
	answer := Events{Events: make([]FoundEvent, len(page)), Next: next}
	for i := range page {
		if answer.Events[i], err = found(&page[i]); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func found(e *store.StoredEvent) (FoundEvent, error) {
	var envelope struct {
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
	}
	if err := json.Unmarshal(e.JSON, &envelope); err != nil {
		return FoundEvent{}, fmt.Errorf("reading event %s: %w", e.ID, err)
	}
	f := FoundEvent{
		EventID: e.ID.String(), Region: e.Region, EventBusName: e.Bus, IngestedAt: e.Ingested,
		Source: envelope.Source, DetailType: envelope.DetailType, Targets: make([]EventTarget, len(e.Routes)),
	}
	for i, route := range e.Routes {
		f.Targets[i] = EventTarget{Rule: route.Rule, TargetID: route.Target}
	}
	return f, nil
}
