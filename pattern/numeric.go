package pattern

import "math"

// number reads the current token as a comparable number.
func (p *parser) number() (float64, error) {
	text, err := p.text()
	if err != nil {
		return 0, err
	}
	f, ok := parseNumber(text)
	if !ok {
		return 0, &Error{Reason: incomparable(text)} // AWS does not say where
	}
	return f, nil
}

// incomparable words why an operator cannot compare with a number.
func incomparable(text string) string {
	if exceedsLimits(text) {
		return "value exceeds limits"
	}
	return "Cannot compare number : " + text
}

// numeric compiles a comparison with one number or between two.
func (p *parser) numeric() (test, error) {
	tok, err := p.next()
	if err != nil {
		return test{}, err
	}
	if tok != tokenArray {
		return test{}, p.fail("Value of numeric must be an array.")
	}
	if tok, err = p.next(); err != nil {
		return test{}, err
	}
	text, err := p.text()
	if err != nil {
		return test{}, err
	}
	if tok != tokenString {
		return test{}, p.fail("Invalid member in numeric match: %s", text)
	}
	if tok, err = p.next(); err != nil {
		return test{}, err
	}
	more := &operands{low: math.Inf(-1), high: math.Inf(1)}
	switch text {
	case "=":
		err = p.oneBound(tok, "equals", func(f float64) { more.low, more.high = f, f })
	case "<", "<=":
		err = p.oneBound(tok, text, func(f float64) { more.high, more.openHigh = f, text == "<" })
	case ">", ">=":
		more.openLow = text == ">"
		err = p.lowerBound(tok, text, more)
	default:
		err = p.fail("Unrecognized numeric range operator: %s", text)
	}
	if err != nil {
		return test{}, err
	}
	return test{op: opRange, more: more}, p.closing("Too many elements in numeric expression")
}

func (p *parser) oneBound(tok token, operator string, set func(float64)) error {
	if tok != tokenNumber {
		return p.fail("Value of %s must be numeric", operator)
	}
	// AWS looks for the end before it looks at the number.
	text, err := p.text()
	if err != nil {
		return err
	}
	if tok, err = p.next(); err != nil {
		return err
	}
	if tok != tokenArrayEnd {
		return p.fail("Too many elements in numeric expression")
	}
	f, ok := parseNumber(text)
	if !ok {
		return p.refuse(incomparable(text))
	}
	set(f)
	return nil
}

// lowerBound reads what follows > or >=: a number, and perhaps an upper bound.
func (p *parser) lowerBound(tok token, operator string, more *operands) error {
	if tok != tokenNumber {
		return p.fail("Value of %s must be numeric", operator)
	}
	low, err := p.text()
	if err != nil {
		return err
	}
	if tok, err = p.next(); err != nil {
		return err
	}
	high := ""
	if tok != tokenArrayEnd {
		if high, err = p.upperBound(tok, more); err != nil {
			return err
		}
	}
	var ok bool
	if more.low, ok = parseNumber(low); !ok {
		return p.refuse(incomparable(low))
	}
	if high == "" {
		return nil
	}
	if more.high, ok = parseNumber(high); !ok {
		return p.refuse(incomparable(high))
	}
	if more.low >= more.high {
		return p.fail("Bottom must be less than top")
	}
	return nil
}

func (p *parser) upperBound(tok token, more *operands) (text string, err error) {
	operator, err := p.text()
	switch {
	case err != nil:
		return "", err
	case tok != tokenString:
		return "", p.fail("Bad value in numeric range: %s", operator)
	case operator != "<" && operator != "<=":
		return "", p.fail("Bad numeric range operator: %s", operator)
	}
	more.openHigh = operator == "<"
	if tok, err = p.next(); err != nil {
		return "", err
	}
	if tok != tokenNumber {
		return "", p.fail("Value of %s must be numeric", operator)
	}
	if text, err = p.text(); err != nil {
		return "", err
	}
	if tok, err = p.next(); err != nil {
		return "", err
	}
	if tok != tokenArrayEnd {
		return "", p.fail("Too many terms in numeric range expression")
	}
	return text, nil
}
