package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"bailey/internal/admin"
)

// endpointsCommand lists how endpoints are doing.
type endpointsCommand struct {
	connection
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the endpoints, a line each.
func (c *endpointsCommand) Run(ctx context.Context, t *terminal) error {
	var all admin.Endpoints
	if err := c.client().Admin(ctx, http.MethodGet, "/endpoints", nil, nil, &all); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(&all)
	}
	if len(all.Endpoints) == 0 {
		t.out.println("Nothing was sent to any API yet.")
		return nil
	}
	printEndpoints(t.out, all.Endpoints)
	return nil
}

func printEndpoints(out *output, all []admin.Endpoint) {
	rows := newTable(out, "API", "STAGE", "STATE", "IN FLIGHT", "LIMIT", "QUEUED", "WAITING", "FAILURES", "LAST", "PROBE (UTC)")
	for i := range all {
		e := &all[i]
		stage := e.Stage
		if stage == "" {
			stage = "any"
		}
		rows.row(e.API, stage, e.State, fmt.Sprint(e.InFlight), fmt.Sprint(e.Limit), fmt.Sprint(e.Queued), itoa(e.Waiting),
			fmt.Sprint(e.Failures), dash(e.ErrorCode), moment(e.ProbeAt))
	}
	rows.flush()
}

// endpointOf names an API, or one of its stages.
type endpointOf struct {
	connection
	API   string  `arg:"" name:"api" help:"Id of the API."`
	Stage *string `help:"Only this stage, one with a URL of its own; all of the API's if nobody says." placeholder:"NAME"`
}

func (e *endpointOf) tell(ctx context.Context, t *terminal, what string) error {
	query := url.Values{}
	if e.Stage != nil {
		query.Set("stage", *e.Stage)
	}
	var all admin.Endpoints
	if err := e.client().Admin(ctx, http.MethodPost, "/endpoints/"+url.PathEscape(e.API)+"/"+what, query, nil, &all); err != nil {
		return err
	}
	printEndpoints(t.out, all.Endpoints)
	return nil
}

type pauseCommand struct{ endpointOf }

// Run holds deliveries to an API back.
func (c *pauseCommand) Run(ctx context.Context, t *terminal) error { return c.tell(ctx, t, "pause") }

type resumeCommand struct{ endpointOf }

// Run sends what was held back.
func (c *resumeCommand) Run(ctx context.Context, t *terminal) error { return c.tell(ctx, t, "resume") }
