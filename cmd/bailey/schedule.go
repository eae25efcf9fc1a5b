package main

import (
	"fmt"
	"time"

	"bailey/internal/schedule"
)

// scheduleCommand shows what a schedule expression means.
type scheduleCommand struct {
	Expression string    `arg:"" help:"Such as 'rate(5 minutes)' or 'cron(0 9 ? * MON-FRI *)', in quotation marks for the shell."`
	From       time.Time `help:"Count from this moment instead of now (RFC 3339). A rate is taken to begin there." placeholder:"TIME"`
	Count      int       `short:"n" default:"10" help:"How many times to show, up to 1,000; 0 for the words alone."`
	JSON       bool      `name:"json" help:"Print JSON."`
}

const maxFirings = 1000

// Run prints the expression in words and its next firings, in UTC.
func (c *scheduleCommand) Run(t *terminal) error {
	if c.Count < 0 || c.Count > maxFirings {
		return &usageError{fmt.Sprintf("--count is %d; it must be from 0 to %d", c.Count, maxFirings)}
	}
	expression, err := schedule.Parse(c.Expression)
	if err != nil {
		return err
	}
	from := c.From
	if from.IsZero() {
		from = time.Now()
	}
	from = from.UTC()
	firings := make([]time.Time, 0, c.Count)
	for at := from; len(firings) < c.Count; {
		next, ok := expression.Next(at, from)
		if !ok {
			break
		}
		firings = append(firings, next)
		at = next
	}
	if c.JSON {
		shown := map[string]any{"expression": c.Expression, "words": expression.Describe(), "firings": firings}
		if odd := expression.Undocumented(); len(odd) > 0 {
			shown["undocumented"] = odd
		}
		return t.out.json(shown)
	}
	t.out.println(expression.Describe())
	for _, odd := range expression.Undocumented() {
		t.out.println("  AWS takes this and does not document it:", printable(odd))
	}
	for _, at := range firings {
		t.out.println(" ", at.Format("Mon 2006-01-02 15:04:05 MST"))
	}
	if c.Count == 0 {
		return nil // the words alone were asked for
	}
	if len(firings) == 0 {
		t.out.println("  never from", from.Format("2006-01-02 15:04:05 MST"), "on")
	} else if len(firings) < c.Count {
		t.out.println("  and never again")
	}
	return nil
}
