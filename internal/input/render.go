package input

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bailey/internal/jsonpath"
)

var errTooLong = fmt.Errorf("the body is longer than %d bytes", MaxRenderedBytes)

const notJSON = "the InputTemplate is neither JSON nor a quoted string"

// render fills the template. Nothing it puts in can make invalid what check has
// found valid: outside strings that is whole JSON values, inside them only
// characters that need no escape.
func (t *template) render(event []byte, ctx Context) ([]byte, error) {
	var room [8][]byte
	values, err := t.values(room[:0], event, ctx)
	if err != nil {
		return nil, err
	}
	body := make([]byte, 0, t.size(values))
	reason := ""
	for _, p := range t.parts {
		body = append(body, p.before...)
		value := values[p.variable]
		switch {
		case !p.inString && value == nil:
			body = append(body, `""`...)
		case !p.inString:
			body = append(body, value...)
		case t.isString && isComposite(value):
			body = appendUnquoted(body, value)
		default:
			start := len(body)
			body = jsonpath.AppendText(body, value)
			if slices.ContainsFunc(body[start:], needsEscape) {
				reason = cmp.Or(reason, fmt.Sprintf("the value of <%s> has a quotation mark, a backslash or a control character, which cannot be put into a string of the InputTemplate", t.variables[p.variable].name))
			}
		}
		if len(body) > MaxRenderedBytes {
			return nil, errTooLong
		}
	}
	if body = append(body, t.tail...); len(body) > MaxRenderedBytes {
		return nil, errTooLong
	}
	if !t.valid {
		reason = notJSON
	}
	if reason != "" {
		return nil, &InvalidJSONError{Body: body, Reason: reason}
	}
	return body, nil
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
			value = ctx.Ingested.UTC().AppendFormat(nil, `"`+time.RFC3339+`"`)
		case eventWithoutDetail:
			value, err = withoutDetail(event)
		case eventJSON:
			value = event
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
	for _, p := range t.parts {
		n += len(p.before) + max(len(values[p.variable]), len(`""`))
	}
	return min(n, MaxRenderedBytes)
}

// withoutDetail returns the envelope as <aws.events.event> has it: without
// detail, and with detail-type spelled detailType.
func withoutDetail(event []byte) ([]byte, error) {
	dst := []byte{'{'}
	for name, value := range jsonpath.Members(event) {
		if name == "detail" {
			continue
		}
		if name == "detail-type" {
			name = "detailType"
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, quoted...)
		dst = append(dst, ':')
		dst = append(dst, value...)
	}
	return append(dst, '}'), nil
}

func isComposite(value []byte) bool {
	return len(value) > 0 && (value[0] == '{' || value[0] == '[')
}

// needsEscape reports whether c cannot stand in a JSON string as it is.
func needsEscape(c byte) bool {
	return c == '"' || c == '\\' || c < ' '
}

// appendUnquoted appends an object or array as compact JSON without quotation
// marks, neither those around its strings nor those in them. The other escapes
// of its strings stay, so that the result can stand in a string.
func appendUnquoted(dst, value []byte) []byte {
	start := len(dst)
	dst = jsonpath.AppendText(dst, value)
	kept := start
	for i := start; i < len(dst); i++ {
		c := dst[i]
		if c == '"' {
			continue
		}
		if c == '\\' && i+1 < len(dst) {
			i++
			if dst[i] == '"' {
				continue
			}
			dst[kept] = c
			kept++
			c = dst[i]
		}
		dst[kept] = c
		kept++
	}
	return dst[:kept]
}
