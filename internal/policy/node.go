package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A node is a value of a policy's JSON with its place in the text.
type node struct {
	kind       byte // one of { [ " 0 t n: object, list, string, number, boolean, null
	start, end int  // where it is in the text
	text       string
	members    []member // of an object, in their order
	elements   []*node  // of a list
}

type member struct {
	name  string
	value *node
}

// parse reads JSON. It refuses an object that has a name twice: who would be
// meant is not to be guessed.
func parse(text string) (*node, error) {
	// Valid bounds the depth, and so the recursion below.
	if !json.Valid([]byte(text)) {
		return nil, errors.New("the policy is not JSON")
	}
	p := parser{text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	p.decoder.UseNumber()
	return p.value()
}

type parser struct {
	text    string
	decoder *json.Decoder
}

func (p *parser) value() (*node, error) {
	n := &node{start: p.next()}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	switch token := token.(type) {
	case json.Delim:
		n.kind = byte(token)
		if err := p.inside(n); err != nil {
			return nil, err
		}
	case string:
		n.kind, n.text = '"', token
	case json.Number:
		n.kind = '0'
	case bool:
		n.kind = 't'
	case nil:
		n.kind = 'n'
	}
	n.end = int(p.decoder.InputOffset())
	return n, nil
}

// inside reads the rest of an object or a list.
func (p *parser) inside(n *node) error {
	for p.decoder.More() {
		var m member
		if n.kind == '{' {
			token, err := p.decoder.Token()
			if err != nil {
				return fmt.Errorf("reading a policy: %w", err)
			}
			m.name, _ = token.(string) // a name always is one
			if n.member(m.name) != nil {
				return fmt.Errorf("the policy has the name %q twice", m.name)
			}
		}
		var err error
		if m.value, err = p.value(); err != nil {
			return err
		}
		if n.kind == '{' {
			n.members = append(n.members, m)
		} else {
			n.elements = append(n.elements, m.value)
		}
	}
	if _, err := p.decoder.Token(); err != nil {
		return fmt.Errorf("reading a policy: %w", err)
	}
	return nil
}

// next is where the next value begins.
func (p *parser) next() int {
	at := int(p.decoder.InputOffset())
	return at + len(p.text[at:]) - len(strings.TrimLeft(p.text[at:], " \t\r\n,:"))
}

// member returns the value of an object's member; nil if there is none.
func (n *node) member(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// isText reports whether the node is a string that says something.
func (n *node) isText() bool { return n.kind == '"' && n.text != "" }

// texts returns the strings of a string or a list of strings; false for
// everything else, and for none.
func (n *node) texts() ([]string, bool) {
	if n.isText() {
		return []string{n.text}, true
	}
	if n.kind != '[' || len(n.elements) == 0 {
		return nil, false
	}
	var all []string
	for _, e := range n.elements {
		if !e.isText() {
			return nil, false
		}
		all = append(all, e.text)
	}
	return all, true
}

// compact appends the node's text without white space.
func (n *node) compact(dst *bytes.Buffer, text string) error {
	return json.Compact(dst, []byte(text[n.start:n.end]))
}
