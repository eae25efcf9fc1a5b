package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"bailey/internal/admin"
	"bailey/internal/client"
)

// givenEvent is an event to ask about: one that the server has, or one that is made up.
type givenEvent struct {
	ID    string `arg:"" optional:"" help:"Id of an event that the server has."`
	Event string `help:"File with an event as JSON instead, - for standard input. What it lacks is made up." placeholder:"FILE"`
}

// read returns the event, and where the server has it, all that the server knows of it.
func (g *givenEvent) read(ctx context.Context, t *terminal, server *client.Client) (json.RawMessage, *admin.Event, error) {
	switch {
	case g.ID != "" && g.Event != "":
		return nil, nil, &usageError{"an id and --event are two events: give one of them"}
	case g.Event != "":
		text, err := readInput(t, g.Event)
		if err != nil {
			return nil, nil, err
		}
		if !json.Valid(text) {
			return nil, nil, fmt.Errorf("the event in %s is not JSON", g.Event)
		}
		return text, nil, nil
	case g.ID != "":
		view, err := readEvent(ctx, server, g.ID)
		if err != nil {
			return nil, nil, err
		}
		return view.Event, view, nil
	}
	return nil, nil, &usageError{"which event? Give the id of one, or --event FILE"}
}

// explainCommand says which rules match an event.
type explainCommand struct {
	connection
	givenEvent
	Bus  string `help:"Event bus whose rules are asked; that of the event, or default." placeholder:"NAME"`
	Rule string `help:"Only this rule." placeholder:"NAME"`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints for each rule whether it matches, and the first clause that fails where it does not.
// A rule that matches now and had nothing to send when the event came is told apart.
func (c *explainCommand) Run(ctx context.Context, t *terminal) error {
	server := c.client()
	event, view, err := c.read(ctx, t, server)
	if err != nil {
		return err
	}
	ask := admin.ExplainRequest{EventBusName: c.Bus, Region: c.Region, Rule: c.Rule, Event: event}
	if view != nil {
		if ask.EventBusName == "" {
			ask.EventBusName = view.EventBusName
		}
		ask.Region = view.Region
	}
	var answer admin.Explanations
	if err := server.Admin(ctx, http.MethodPost, "/explain", nil, ask, &answer); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(answer)
	}
	if len(answer.Rules) == 0 {
		t.out.println("The event bus has no rules. " + admin.Elsewhere(answer.Elsewhere))
		return nil
	}
	rows := newTable(t.out, "RULE", "MATCHED", "WHY NOT")
	for _, e := range answer.Rules {
		matched := "no"
		if e.Matched {
			matched = "yes"
		}
		rows.row(e.Rule, matched, whyNot(&e, view, ask.EventBusName))
	}
	rows.flush()
	for _, e := range answer.Rules {
		for _, n := range e.Notes {
			t.out.printf("rule %s, target %s: %s\n", e.Rule, n.TargetID, printable(n.Note))
		}
	}
	return nil
}

// whyNot says why a rule does not match the event, or matches and sends
// nothing. Rules are explained as they are now; where the server has the event,
// its deliveries tell what they were when it came.
func whyNot(e *admin.Explanation, view *admin.Event, bus string) string {
	then := view != nil && view.EventBusName == bus
	sent := then && slices.ContainsFunc(view.Deliveries, func(d admin.Delivery) bool {
		return d.Rule == e.Rule && d.EventBusName == bus
	})
	switch {
	case !e.Matched && sent:
		return e.Reason + "; it sent the event all the same, by its schedule or as it was then"
	case e.Matched && e.Targets == 0 && !sent:
		return "it has no target"
	case e.Matched && then && !sent && e.Targets > e.Buses:
		return "it matches as it is now; when the event came, it or its target was not there, different, or disabled"
	}
	return e.Reason
}
