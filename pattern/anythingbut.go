package pattern

import (
	"errors"
	"slices"
)

const (
	tooManyElements   = "Too many elements in numeric expression"
	notInAnythingBut  = "Inside anything but list, start|null|boolean is not supported."
	mixedAnythingBut  = "Inside anything but list, either all values are number or string, mixed type is not supported"
	notAnythingButVal = "Value of anything-but must be an array or single string/number value."
)

// anythingBut compiles anything-but: a value, a list of values, or an object
// with another operator and its value or list.
func (p *parser) anythingBut() (test, error) {
	tok, err := p.next()
	if err != nil {
		return test{}, err
	}
	t := test{op: opNotString, more: &operands{}}
	inner := tok == tokenObject
	if inner {
		if t.op, err = p.anythingButOperator(); err != nil {
			return test{}, err
		}
		if tok, err = p.next(); err != nil {
			return test{}, err
		}
	}
	switch tok {
	case tokenArray:
		err = p.anythingButList(&t)
	case tokenString, tokenNumber:
		err = p.anythingButValue(&t, tok)
	default:
		err = p.fail(notAnythingButVal)
	}
	if err != nil {
		return test{}, err
	}
	switch t.op {
	case opNotString:
		slices.Sort(t.more.list) // to be searched
	case opNotNumber:
		slices.Sort(t.more.numbers)
	case opNotWildcard:
		for _, text := range t.more.list {
			parts, reason := splitWildcard(text)
			if reason != "" {
				return test{}, p.fail("%s", reason)
			}
			t.more.wildcards = append(t.more.wildcards, parts)
		}
	}
	if err := p.closing(tooManyElements); err != nil {
		return test{}, err
	}
	if inner {
		return t, p.closing(tooManyElements)
	}
	return t, nil
}

// anythingButOperator reads the operator's name in the object after
// anything-but.
func (p *parser) anythingButOperator() (operator, error) {
	tok, err := p.next()
	if err != nil {
		return 0, err
	}
	if tok != tokenName {
		return 0, p.fail("Anything-But expression name not found")
	}
	switch p.name {
	case "equals-ignore-case":
		return opNotFold, nil
	case "prefix":
		return opNotPrefix, nil
	case "suffix":
		return opNotSuffix, nil
	case "wildcard":
		return opNotWildcard, nil
	}
	return 0, p.fail("Unsupported anything-but pattern: %s", p.name)
}

// anythingButList adds the values of a list to what t excludes.
func (p *parser) anythingButList(t *test) error {
	strings, err := p.anythingButValues(t)
	if err != nil {
		return err
	}
	if t.op != opNotString && t.op != opNotNumber {
		return nil
	}
	if numbers := len(t.more.numbers) > 0; numbers == (strings > 0) {
		return p.fail(mixedAnythingBut)
	}
	return nil
}

// anythingButValues reads the list and returns how many strings are in it. What
// is wrong in the list has its place, if it has one, and then that of the list,
// which is the same: so AWS words it.
func (p *parser) anythingButValues(t *test) (strings int, err error) {
	defer func() {
		if inner, ok := errors.AsType[*Error](err); ok {
			outer := p.refuse(inner.Reason)
			outer.place = inner.place + outer.place
			err = outer
		}
	}()
	for {
		tok, err := p.next()
		if err != nil || tok == tokenArrayEnd {
			return strings, err
		}
		if err := p.anythingButValue(t, tok); err != nil {
			return 0, err
		}
		if tok == tokenString {
			strings++
		}
	}
}

// anythingButValue adds one value, the current token, to what t excludes.
func (p *parser) anythingButValue(t *test, tok token) error {
	if tok == tokenNumber && (t.op == opNotString || t.op == opNotNumber) {
		f, err := p.number()
		if err != nil {
			return err
		}
		t.op = opNotNumber
		t.more.numbers = append(t.more.numbers, f)
		return nil
	}
	if tok != tokenString {
		return p.fail("%s", map[operator]string{
			opNotString:   notInAnythingBut,
			opNotNumber:   notInAnythingBut,
			opNotFold:     "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
			opNotPrefix:   "prefix/suffix match pattern must be a string",
			opNotSuffix:   "prefix/suffix match pattern must be a string",
			opNotWildcard: "wildcard match pattern must be a string",
		}[t.op])
	}
	text, err := p.text()
	if err != nil {
		return err
	}
	text = wholeCharacters(text)
	if text == "" && (t.op == opNotPrefix || t.op == opNotSuffix) {
		return p.fail("Null prefix/suffix not allowed")
	}
	if !slices.Contains(t.more.list, text) {
		t.more.list = append(t.more.list, text)
	}
	return nil
}
