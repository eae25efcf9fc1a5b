package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What several rules say.
const (
	notJSON  = "This policy contains invalid Json"
	noSyntax = "Syntax error at position (%d,%d)"
	missing  = "Missing required field %s"
)

// maxText is how long a policy's text may be to be looked into, in bytes: white
// space and escapes are not counted in [MaxLength].
const maxText = 16 * MaxLength

// Check reads a policy that a caller has written for a bus, and refuses what AWS
// refuses. What it returns may still be too long. Accounts are ARNs in it, and a
// single statement is a list. The error is an *Error.
func Check(text string, bus Bus) (*Policy, error) {
	if len(text) > maxText && json.Valid([]byte(text)) {
		return nil, ErrTooLong
	}
	root, err := parse(text)
	switch {
	case err != nil:
		return nil, refuse(notJSON)
	case root.kind == 'n':
		return nil, refuse("This text appears not to be a policy")
	case root.kind != '{':
		return nil, refuse(notJSON)
	}
	c := checker{text: text, bus: bus, ids: make(map[string]bool)}
	p, err := c.policy(root)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// A checker goes through one policy.
type checker struct {
	text string
	bus  Bus
	ids  map[string]bool // of the statements so far
}

func (c *checker) policy(root *node) (*Policy, error) {
	named, statements := root.member("Version"), root.member("Statement")
	switch {
	case named == nil:
		return nil, refuse(missing, "Version")
	case named.kind != '"' || named.text != version && named.text != "2008-10-17":
		return nil, refuse("The policy must contain a valid version string")
	case statements == nil:
		return nil, refuse(missing, "Statement")
	}
	p := &Policy{Version: named.text}
	for _, m := range root.members {
		switch {
		case m.name == "Version" || m.name == "Statement":
		case m.name == "Id" && m.value.kind == '"':
			p.ID = json.RawMessage(c.text[m.value.start:m.value.end])
		default:
			return nil, c.syntax(m.value)
		}
	}
	list := statements.elements
	// AWS counts from where its reader is as a statement begins: behind the
	// bracket that opens it or the list, or behind the statement before it.
	at := statements.start + 1
	switch {
	case statements.kind == '{':
		list = []*node{statements}
	case statements.kind != '[':
		return nil, c.syntax(statements)
	case len(list) == 0:
		return nil, refuse("Could not parse the policy: Statement is empty!")
	}
	for _, n := range list {
		s, err := c.statement(n, at)
		if err != nil {
			return nil, err
		}
		p.Statements = append(p.Statements, s)
		at = n.end
	}
	return p, nil
}

// members are those of a statement, in the order in which it is kept.
var members = []string{"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}

// statement checks a statement that AWS says is at a place of the text.
func (c *checker) statement(n *node, at int) (Statement, error) {
	if n.kind != '{' {
		return nil, c.syntax(n)
	}
	if err := c.membersOf(n); err != nil {
		return nil, err
	}
	id := n.member("Sid").text
	if c.ids[id] {
		return nil, c.invalid(at, "The Statement Ids in the policy are not unique")
	}
	c.ids[id] = true
	actions, ok := n.member("Action").texts()
	if !ok {
		return nil, c.syntax(n.member("Action"))
	}
	if message := checkActions(actions); message != "" {
		return nil, c.invalid(at, message)
	}
	resources, ok := n.member("Resource").texts()
	if !ok {
		return nil, c.syntax(n.member("Resource"))
	}
	for _, r := range resources {
		if err := c.bus.checkResource(r); err != nil {
			return nil, err
		}
	}
	if condition := n.member("Condition"); condition != nil && condition.kind != '{' {
		return nil, c.syntax(condition)
	}
	if err := c.checkPrincipal(n.member("Principal")); err != nil {
		return nil, err
	}
	return c.keep(n)
}

// membersOf checks which members a statement has.
func (c *checker) membersOf(n *node) error {
	if id := n.member("Sid"); id == nil || !id.isText() {
		return refuse(missing, "Sid")
	}
	for _, name := range []string{"NotAction", "NotResource", "NotPrincipal"} {
		if n.member(name) != nil {
			return refuse("Has prohibited field %s", name)
		}
	}
	for _, name := range members {
		if n.member(name) == nil && name != "Condition" {
			return refuse(missing, name)
		}
	}
	for _, m := range n.members {
		if !slices.Contains(members, m.name) {
			return c.syntax(m.value)
		}
	}
	switch effect := n.member("Effect"); {
	case effect.kind != '"':
		return c.syntax(effect)
	case effect.text != "Allow" && effect.text != "Deny":
		return refuse("Invalid effect: %s", effect.text)
	}
	return nil
}

// keep writes a statement as it is kept.
func (c *checker) keep(n *node) (Statement, error) {
	var b bytes.Buffer
	for _, name := range members {
		value := n.member(name)
		if value == nil {
			continue
		}
		separator := byte(',')
		if b.Len() == 0 {
			separator = '{'
		}
		b.WriteByte(separator)
		fmt.Fprintf(&b, "%q:", name)
		var err error
		if name == "Principal" {
			err = c.keepPrincipal(&b, value)
		} else {
			err = value.compact(&b, c.text)
		}
		if err != nil {
			return nil, fmt.Errorf("writing %s of a statement: %w", name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// position is the line and the column of a place in the text, both from 1.
func (c *checker) position(at int) (line, column int) {
	before := c.text[:at]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// invalid refuses the statement at a place.
func (c *checker) invalid(at int, message string) *Error {
	line, column := c.position(at)
	return refuse("Invalid statement at line %d column %d: %s", line, column, message)
}

// syntax refuses a value that may not be where it is.
func (c *checker) syntax(n *node) *Error {
	line, column := c.position(n.start)
	return refuse(noSyntax, line, column)
}
