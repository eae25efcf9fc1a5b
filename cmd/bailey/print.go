package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"bailey/internal/admin"
	"bailey/internal/colour"
)

// table prints rows in columns, under a row of headings. It prints nothing where there are no rows.
type table struct {
	writer *tabwriter.Writer
	rows   int
	heads  []string
}

func newTable(out *output, heads ...string) *table {
	return &table{writer: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), heads: heads}
}

// row adds a row. What a cell has of control characters, which an event or an endpoint may have brought, is not printed.
func (t *table) row(cells ...string) {
	if t.rows++; t.rows == 1 {
		t.line(t.heads)
	}
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.line(cells)
}

// line and flush leave failures to the output, which remembers them.

func (t *table) line(cells []string) { _, _ = fmt.Fprintln(t.writer, strings.Join(cells, "\t")) }

func (t *table) flush() { _ = t.writer.Flush() }

// printable is text without what would move the cursor or change the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// printableLines is printable of each line of a text.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// when is how moments are printed: UTC, to the millisecond.
const when = "2006-01-02 15:04:05.000"

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(when)
}

// printDeliveries prints deliveries as a table, one line each.
func printDeliveries(out *output, deliveries []admin.Delivery) {
	t := newTable(out, "TAKEN (UTC)", "EVENT", "RULE", "TARGET", "API", "STATUS", "ATTEMPTS", "LAST", "NEXT (UTC)")
	for i := range deliveries {
		d := &deliveries[i]
		t.row(moment(&d.IngestedAt), d.EventID, d.Rule, d.TargetID, dash(d.API), d.Status, fmt.Sprint(d.Attempts), lastAnswer(d), moment(d.NextAttemptAt))
	}
	t.flush()
}

// lastAnswer says in a word what the last attempt came to.
func lastAnswer(d *admin.Delivery) string {
	switch {
	case d.LastErrorCode != "" && d.LastStatusCode != 0:
		return fmt.Sprintf("%d %s", d.LastStatusCode, d.LastErrorCode)
	case d.LastErrorCode != "":
		return d.LastErrorCode
	case d.LastStatusCode != 0:
		return fmt.Sprint(d.LastStatusCode)
	}
	return "-"
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// milliseconds prints a latency.
func milliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// paintStatus paints a delivery's status in the colour of its meaning.
func paintStatus(p colour.Painter, status string) string {
	switch status {
	case "delivered":
		return p.Green("DELIVERED")
	case "dead":
		return p.Red("DEAD")
	}
	return p.Yellow("PENDING")
}
