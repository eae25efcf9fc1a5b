package input

import "fmt"

// whyMisfit says why a value cannot be put into the string where it belongs.
func (t *template) whyMisfit(p *part, value []byte) string {
	if t.variables[p.variable].source == undefined {
		return t.describe(p) + " is not defined"
	}
	what := "a quotation mark, a backslash or a control character"
	if isComposite(value) && t.kind == objectTemplate {
		what = "strings in it"
	} else if isComposite(value) {
		what = "a quotation mark"
	}
	return fmt.Sprintf("the value of %s has %s, and cannot be put into a string", t.describe(p), what)
}

// whyInvalid says which part of the template made a body stop being JSON at a
// place.
func (t *template) whyInvalid(values [][]byte, at int) string {
	begin := 0 // of the part in the body
	var empty *part
	for i := range t.parts {
		p := &t.parts[i]
		text := begin + len(p.before)
		if at < text {
			return t.whyText(empty, p.at-(text-at), at == begin)
		}
		filled, _ := t.appendValue(nil, p, values[p.variable])
		if at < text+len(filled) {
			if t.variables[p.variable].source == undefined {
				return fmt.Sprintf("%s is not defined, and what is written there is not JSON", t.describe(p))
			}
			return fmt.Sprintf("the value of %s is not JSON where it is put as text", t.describe(p))
		}
		begin = text + len(filled)
		empty = nil
		if len(filled) == 0 {
			empty = p
		}
	}
	return t.whyText(empty, len(t.text)-len(t.tail)+at-begin, at == begin)
}

// whyText says that the template's own text is wrong at a place, or the variable
// before it that is nothing.
func (t *template) whyText(empty *part, at int, behind bool) string {
	if empty != nil && behind {
		return fmt.Sprintf("%s is empty, which is not JSON there", t.describe(empty))
	}
	line, column := place(t.text, at)
	return fmt.Sprintf("the InputTemplate is not JSON from line %d, column %d on", line, column)
}

// describe names a variable and where it stands in the template.
func (t *template) describe(p *part) string {
	line, column := place(t.text, p.at)
	return fmt.Sprintf("<%s>, at line %d, column %d of the InputTemplate,", t.variables[p.variable].name, line, column)
}
