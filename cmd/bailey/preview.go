package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"bailey/internal/admin"
	"bailey/internal/client"
	"bailey/internal/request"
	"bailey/internal/rule"
)

// previewCommand shows the request that a target would get.
type previewCommand struct {
	connection
	givenEvent
	Rule     string `help:"Rule whose target is asked." placeholder:"NAME"`
	TargetID string `help:"Id of the target, where the rule has several." placeholder:"ID"`
	Bus      string `help:"Event bus of the rule; that of the event, or default." placeholder:"NAME"`
	Target   string `help:"File with a target as JSON instead, as PutTargets takes it." placeholder:"FILE"`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// Run prints the request: its line, its headers and its body, with *** for secrets.
func (c *previewCommand) Run(ctx context.Context, t *terminal) error {
	if (c.Rule == "") == (c.Target == "") {
		return &usageError{"which target? Give --rule NAME or --target FILE"}
	}
	server := c.client()
	event, view, err := c.read(ctx, t, server)
	if err != nil {
		return err
	}
	ask := admin.PreviewRequest{Event: event, Region: c.Region}
	if view != nil {
		if c.Bus == "" {
			c.Bus = view.EventBusName
		}
		server.Region, ask.Region = view.Region, view.Region
	}
	if c.Rule != "" {
		err = c.find(ctx, server, &ask)
	} else {
		err = c.readTarget(t, &ask.Target)
	}
	if err != nil {
		return err
	}
	var preview request.Preview
	if err := server.Admin(ctx, http.MethodPost, "/preview", nil, ask, &preview); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(preview)
	}
	return printPreview(t.out, &preview)
}

func (c *previewCommand) readTarget(t *terminal, target *rule.Target) error {
	text, err := readInput(t, c.Target)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, target); err != nil {
		return fmt.Errorf("the target in %s: %w", c.Target, err)
	}
	if err := admin.CheckNames(text, target); err != nil {
		return fmt.Errorf("the target in %s: %w", c.Target, err)
	}
	return nil
}

// find asks the server for the rule and the target.
func (c *previewCommand) find(ctx context.Context, server *client.Client, ask *admin.PreviewRequest) error {
	which := map[string]string{"Name": c.Rule}
	if c.Bus != "" {
		which["EventBusName"] = c.Bus
	}
	var found struct {
		ARN string `json:"Arn"`
	}
	if err := server.AWS(ctx, "DescribeRule", which, &found); err != nil {
		return err
	}
	ask.RuleARN = found.ARN
	delete(which, "Name")
	which["Rule"] = c.Rule
	for {
		var page struct {
			Targets   []rule.Target
			NextToken string
		}
		if err := server.AWS(ctx, "ListTargetsByRule", which, &page); err != nil {
			return err
		}
		for _, target := range page.Targets {
			if target.ID == c.TargetID || c.TargetID == "" && len(page.Targets) == 1 && page.NextToken == "" && which["NextToken"] == "" {
				ask.Target = target
				return nil
			}
		}
		if page.NextToken == "" {
			break
		}
		which["NextToken"] = page.NextToken
	}
	if c.TargetID == "" {
		return fmt.Errorf("rule %s has no target, or several: say which with --target-id", c.Rule)
	}
	return fmt.Errorf("rule %s has no target %s", c.Rule, c.TargetID)
}

func printPreview(out *output, preview *request.Preview) error {
	out.println(preview.Method, preview.URL)
	for _, name := range sortedKeys(preview.Headers) {
		out.printf("%s: %s\n", name, preview.Headers[name])
	}
	out.printf("\n%s\n", preview.Body)
	for _, note := range preview.Notes {
		out.printf("\nnote: %s\n", printable(note))
	}
	return nil
}
