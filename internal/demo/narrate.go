package demo

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// printf prints to the terminal. Where that is gone, the demo's end is near: nothing else to do about it.
func (t *tour) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.cfg.Out, format, args...)
}

// line prints a line of a scene: what it is about, and the thing.
func (t *tour) line(label, text string) {
	t.printf("   %s %s\n", t.paint.Dim(fmt.Sprintf("%-8s", label)), text)
}

func (t *tour) title(number int, text string) {
	t.printf("\n%s\n\n", t.paint.Bold(fmt.Sprintf("%d. %s", number, text)))
}

// verdict prints the end of a delivery.
func (t *tour) verdict(word, text string) { t.printf("   %s  %s\n", word, text) }

// command returns how the program is called to do something, with the endpoint where that is not the usual one.
func (t *tour) command(args ...string) string {
	return t.cfg.Program + " " + strings.Join(args, " ")
}

func (t *tour) welcome(taken bool) {
	note := "speaks the AWS API"
	if taken {
		note += "; the usual port is taken"
	}
	t.printf("%s\n", t.paint.Bold("An event goes in, an HTTP request comes out."))
	t.printf("This is Amazon EventBridge with its API Gateway target, on this machine:\n\n")
	t.line("server", fmt.Sprintf("%-24s %s", t.url, t.paint.Dim(note)))
	t.line("REST API", fmt.Sprintf("%-24s %s", t.shop.url, t.paint.Dim("a small pet shop, registered as petshop and warehouse")))
	t.line("data", t.cfg.Data)
}

// visit tells of one request. last has the arrivals of earlier attempts, by rule.
func (t *tour) visit(s *scene, v *visit, last map[string]time.Time) {
	before, retry := last[v.rule]
	last[v.rule] = v.arrived
	if retry {
		t.line("request", fmt.Sprintf("%s %s  %s", t.paint.Bold(v.method), t.paint.Bold(v.uri),
			t.paint.Dim(fmt.Sprintf("attempt %s, %.1f s later", v.attempt, v.arrived.Sub(before).Seconds()))))
		t.answer(v)
		return
	}
	t.rule(v.rule)
	t.line("request", t.paint.Bold(v.method)+" "+t.paint.Bold(v.uri))
	for _, name := range s.headers {
		if value := v.header.Get(name); value != "" {
			t.line("", name+": "+value)
		}
	}
	t.line("", bodyOf(v.body))
	t.answer(v)
}

// rule names a rule, and explains its pattern and target the first time.
func (t *tour) rule(name string) {
	for i := range rules {
		r := &rules[i]
		if r.name != name || t.shown[name] {
			continue
		}
		t.shown[name] = true
		t.line("rule", name+"  "+t.paint.Dim(r.pattern))
		label := "target"
		for _, line := range wrapWords(r.words) {
			t.line(label, t.paint.Dim(line))
			label = ""
		}
		return
	}
	t.line("rule", name)
}

// width is how long a line of words may be, so that with its label it fits where people look.
const width = 90

// wrapWords joins words to lines.
func wrapWords(words []string) []string {
	var lines []string
	for _, word := range words {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+len(word)+3 <= width {
			lines[last] += "   " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

func (t *tour) answer(v *visit) { t.line("answer", t.status(v.status)) }

func (t *tour) status(status int) string {
	text := fmt.Sprint(status, " ", http.StatusText(status))
	switch {
	case status == 0:
		return t.paint.Yellow(fmt.Sprintf("none within %v", patience))
	case status/100 == 2:
		return t.paint.Green(text)
	case status/100 == 5:
		return t.paint.Yellow(text)
	}
	return t.paint.Red(text)
}

// streamed tells of a request of the stream on one line.
func (t *tour) streamed(v *visit) {
	line := fmt.Sprintf("%s  %-10s  %-6s %-44s ", v.arrived.Format(time.TimeOnly), v.rule, v.method, v.uri)
	if v.attempt != "1" {
		line += t.paint.Dim("attempt "+v.attempt) + "  "
	}
	t.printf("%s%s\n", line, t.status(v.status))
}

// goodbye says where to look.
func (t *tour) goodbye(ids map[string]string) {
	t.printf("\n%s", t.paint.Bold("That is all there is to it."))
	if t.cfg.Once {
		t.printf("\n")
		return
	}
	t.printf(" The demo goes on with an event every %v. Look at it from another terminal:\n\n", t.cfg.Every)
	export := func(text string) { t.printf("  %s\n", text) }
	export("export AWS_ENDPOINT_URL=" + t.url)
	export("export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_DEFAULT_REGION=us-east-1")
	for _, c := range []struct{ command, what string }{
		{t.command("tail"), "deliveries as they happen"},
		{t.command("event", ids["Payment Due"]), "everything about the payment above"},
		{t.command("dead-letters"), "what was given up"},
		{t.command("explain", ids["Pet Admired"]), "why no rule matched"},
		{"aws --endpoint-url " + t.url + " events list-rules", "the same, with the AWS CLI"},
		{"curl " + t.url + "/metrics", "counters, for Prometheus"},
	} {
		t.printf("  %-62s %s\n", c.command, t.paint.Dim("# "+c.what))
	}
	t.printf("\nCtrl-C stops it. All that it leaves behind is %s.\n\n", t.cfg.Data)
}
