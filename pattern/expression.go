package pattern

import (
	"bytes"
	"strings"
)

// element compiles one element of a leaf.
func (p *parser) element(tok token) (test, error) {
	switch tok {
	case tokenObject:
		return p.expression()
	case tokenString:
		text, err := p.text()
		if err != nil {
			return test{}, err
		}
		if looksLikeAddress(text) {
			var buf [16]byte
			if address, ok := parseAddress(text, &buf); ok {
				address = bytes.Clone(address)
				return test{op: opAddress, text: text, more: &operands{block: addressRange{low: address, high: address}}}, nil
			}
		}
		return test{op: opString, text: text}, nil
	case tokenNumber:
		text, err := p.text()
		if err != nil {
			return test{}, err
		}
		if f, ok := parseNumber(text); ok {
			return test{op: opNumber, text: text, more: &operands{low: f, high: f}}, nil
		}
		if strings.ContainsAny(text, ".eE") {
			return test{op: opNothing, text: text}, nil
		}
		return test{op: opLiteral, text: text}, nil
	case tokenTrue, tokenFalse, tokenNull:
		text, err := p.text()
		return test{op: opLiteral, text: text}, err
	}
	return test{}, p.fail("Match value must be String, number, true, false, or null")
}

// expression compiles an element that is an object with one operator.
func (p *parser) expression() (test, error) {
	tok, err := p.next()
	if err != nil {
		return test{}, err
	}
	if tok != tokenName {
		return test{}, p.fail("Match expression name not found")
	}
	switch name := p.name; name {
	case "exactly":
		return p.stringOperator(opString, "exact match pattern must be a string")
	case "equals-ignore-case":
		return p.stringOperator(opFold, "equals-ignore-case match pattern must be a string")
	case "prefix":
		return p.affix(opPrefix, opPrefixFold, "Prefix", "prefix")
	case "suffix":
		return p.affix(opSuffix, opSuffixFold, "Suffix", "suffix")
	case "wildcard":
		return p.wildcard()
	case "numeric":
		return p.numeric()
	case "anything-but":
		return p.anythingBut()
	case "exists":
		return p.exists()
	case "cidr":
		return p.cidr()
	default:
		return test{}, p.fail("Unrecognized match type %s", name)
	}
}

const onlyOneKey = "Only one key allowed in match expression"

// closing expects the end of an operator's object.
func (p *parser) closing(reason string) error {
	tok, err := p.next()
	if err == nil && tok != tokenObjectEnd {
		err = p.fail("%s", reason)
	}
	return err
}

// stringValue expects a string.
func (p *parser) stringValue(reason string) (string, error) {
	tok, err := p.next()
	if err != nil {
		return "", err
	}
	if tok != tokenString {
		return "", p.fail("%s", reason)
	}
	return p.text()
}

func (p *parser) stringOperator(op operator, reason string) (test, error) {
	text, err := p.stringValue(reason)
	if err != nil {
		return test{}, err
	}
	if op != opString {
		text = wholeCharacters(text)
	}
	return test{op: op, text: text}, p.closing(onlyOneKey)
}

// affix compiles prefix and suffix, whose operand is a string or an object
// with equals-ignore-case.
func (p *parser) affix(op, fold operator, title, name string) (test, error) {
	tok, err := p.next()
	switch {
	case err != nil:
		return test{}, err
	case tok == tokenObject:
	case tok != tokenString:
		return test{}, p.fail("%s match pattern must be a string", name)
	default:
		text, err := p.text()
		if err != nil {
			return test{}, err
		}
		return test{op: op, text: wholeCharacters(text)}, p.closing(onlyOneKey)
	}
	if tok, err = p.next(); err != nil {
		return test{}, err
	}
	if tok != tokenName {
		return test{}, p.fail("%s expression name not found", title)
	}
	if p.name != "equals-ignore-case" {
		return test{}, p.fail("Unsupported %s pattern: %s", name, p.name)
	}
	t, err := p.stringOperator(fold, "equals-ignore-case match pattern must be a string")
	if err != nil {
		return test{}, err
	}
	return t, p.closing(onlyOneKey)
}

func (p *parser) wildcard() (test, error) {
	text, err := p.stringValue("wildcard match pattern must be a string")
	if err != nil {
		return test{}, err
	}
	text = wholeCharacters(text)
	parts, reason := splitWildcard(text)
	if reason != "" {
		return test{}, p.fail("%s", reason)
	}
	return test{op: opWildcard, text: text, more: &operands{list: parts}}, p.closing(onlyOneKey)
}

func (p *parser) exists() (test, error) {
	tok, err := p.next()
	if err != nil {
		return test{}, err
	}
	switch tok {
	case tokenTrue:
		return test{op: opExists}, p.closing(onlyOneKey)
	case tokenFalse:
		return test{op: opAbsent}, p.closing(onlyOneKey)
	}
	return test{}, p.fail("exists match pattern must be either true or false.")
}

func (p *parser) cidr() (test, error) {
	text, err := p.stringValue("prefix match pattern must be a string")
	if err != nil {
		return test{}, err
	}
	block, reason := parseCIDR(text)
	if reason != "" {
		return test{}, &Error{Reason: reason}
	}
	return test{op: opAddress, text: text, more: &operands{block: block}}, p.closing(onlyOneKey)
}
