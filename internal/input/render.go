package input

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"bailey/internal/jsonpath"
)

var errTooLong = fmt.Errorf("the body is longer than %d bytes", MaxRenderedBytes)

// render fills the template. An object template and a string template that were
// proven to be JSON need no look at what comes out; any other text does.
func (t *template) render(event []byte, ctx Context) ([]byte, error) {
	var room [8][]byte
	values, err := t.values(room[:0], event, ctx)
	if err != nil {
		return nil, err
	}
	size := t.size(values)
	if ctx.Room != nil {
		if err := ctx.Room(size); err != nil {
			return nil, err
		}
	}
	body := make([]byte, 0, size)
	var misfit *part
	for i := range t.parts {
		p := &t.parts[i]
		body = append(body, p.before...)
		var fits bool
		if body, fits = t.appendValue(body, p, values[p.variable]); !fits && misfit == nil {
			misfit = p
		}
		if len(body) > MaxRenderedBytes {
			return nil, errTooLong
		}
	}
	if body = append(body, t.tail...); len(body) > MaxRenderedBytes {
		return nil, errTooLong
	}
	if misfit != nil {
		return nil, &InvalidJSONError{Body: body, Reason: t.whyMisfit(misfit, values[misfit.variable])}
	}
	if t.proven {
		return body, nil
	}
	if at, ok := t.check(body); !ok {
		return nil, &InvalidJSONError{Body: body, Reason: t.whyInvalid(values, at)}
	}
	return body, nil
}

// appendValue appends what a value is where it is put. It does not fit where it
// would end the string that it is put into, or change what that says. What is not
// defined has no value, and fits into text only.
func (t *template) appendValue(dst []byte, p *part, value []byte) (filled []byte, fits bool) {
	from := len(dst)
	switch {
	case t.variables[p.variable].source == undefined:
		return append(append(append(dst, '<'), t.variables[p.variable].name...), '>'), t.kind != objectTemplate
	case value == nil && t.kind == objectTemplate && !p.inString:
		return append(dst, `""`...), true
	case value == nil:
		return dst, true
	case t.kind == objectTemplate && !p.inString:
		return append(dst, value...), true
	case t.kind == objectTemplate && value[0] == '"':
		return appendEscaped(dst, value), true
	case t.kind != objectTemplate && isComposite(value):
		dst = appendUnquoted(dst, value)
		return dst, !p.inString || bytes.IndexByte(dst[from:], '"') < 0
	}
	dst = jsonpath.AppendText(dst, value)
	return dst, !p.inString || !slices.ContainsFunc(dst[from:], needsEscape)
}

// check reports whether what came out is JSON and, if not, where it stops being
// it: one value, or for a string template one string on each line.
func (t *template) check(body []byte) (at int, ok bool) {
	if t.kind != stringTemplate {
		if json.Valid(body) {
			return 0, true
		}
		return invalidAt(string(body)), false
	}
	begin := 0
	for line := range bytes.Lines(body) {
		if start := bytes.TrimLeft(line, space); len(start) > 0 && (start[0] != '"' || !json.Valid(line)) {
			if start[0] != '"' {
				return begin + len(line) - len(start), false
			}
			return begin + invalidAt(string(line)), false
		}
		begin += len(line)
	}
	return 0, true
}

// invalidAt returns where a text that is not one JSON value stops being it.
func invalidAt(text string) int {
	end, err := readJSON(text)
	if err != nil {
		return err.begin
	}
	for end < len(text) && isSpace(text[end]) {
		end++
	}
	return end
}

// values appends each variable's value as JSON, nil where nothing is found.
func (t *template) values(dst [][]byte, event []byte, ctx Context) ([][]byte, error) {
	for _, v := range t.variables {
		var value []byte
		var err error
		switch v.source {
		case fromPath:
			value, _ = v.path.Find(event)
		case ruleARN:
			value, err = json.Marshal(ctx.RuleARN)
		case ruleName:
			value, err = json.Marshal(ctx.RuleName)
		case ingestionTime:
			value = ctx.Ingested.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`)
		case eventWithoutDetail:
			value = withoutDetail(event)
		case eventJSON:
			value = event
		case undefined:
		}
		if err != nil {
			return nil, fmt.Errorf("writing <%s>: %w", v.name, err)
		}
		dst = append(dst, value)
	}
	return dst, nil
}

// size returns about how long the body becomes.
func (t *template) size(values [][]byte) int {
	n := len(t.tail)
	for i := range t.parts {
		p := &t.parts[i]
		n += len(p.before) + max(len(values[p.variable]), len(`""`))
	}
	return min(n, MaxRenderedBytes)
}

// summary are the members of <aws.events.event>, in AWS's order, and what they
// are called there.
var summary = [...]struct{ from, to string }{
	{"id", "id"}, {"account", "account"}, {"detail-type", "detailType"}, {"time", "time"},
	{"source", "source"}, {"region", "region"}, {"resources", "resources"}, {"version", "version"},
}

// withoutDetail returns the envelope as <aws.events.event> has it.
func withoutDetail(event []byte) []byte {
	var found [len(summary)][]byte
	for name, value := range jsonpath.Members(event) {
		for i := range summary {
			if summary[i].from == name {
				found[i] = value
			}
		}
	}
	dst := []byte{'{'}
	for i, value := range found {
		if value == nil {
			continue // of an envelope that somebody made up for a preview
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), summary[i].to...), `":`...)
		if at, ok := milliseconds(value); ok && summary[i].from == "time" {
			dst = strconv.AppendInt(dst, at, 10)
		} else {
			dst = append(dst, value...)
		}
	}
	return append(dst, '}')
}

// milliseconds returns a time that is a JSON string as milliseconds since 1970.
func milliseconds(value []byte) (int64, bool) {
	at, err := time.Parse(time.RFC3339, jsonpath.Text(value))
	return at.UnixMilli(), err == nil
}
