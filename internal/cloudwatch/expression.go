package cloudwatch

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxDepth is how deeply an expression may be nested, its own parentheses and
// the expressions that it refers to together.
const maxDepth = 100

// A value is what a part of an expression comes to: a line, or a number where
// line is nil.
type value struct {
	line   line
	number float64
}

// An evaluation works out the expressions among a call's queries.
type evaluation struct {
	expressions map[string]string
	lines       map[string]line // of those that are known
	open        map[string]bool // under way: who refers to one of them refers to itself
	depth       int
}

// evaluate adds the lines of those queries that are expressions.
func evaluate(queries []dataQuery, lines map[string]line) error {
	e := evaluation{expressions: make(map[string]string), lines: lines, open: make(map[string]bool)}
	for _, q := range queries {
		if q.Expression != "" {
			e.expressions[q.ID] = q.Expression
		}
	}
	for _, q := range queries {
		if q.Expression == "" {
			continue
		}
		if _, err := e.reference(q.ID); err != nil {
			return err
		}
	}
	return nil
}

// reference returns the line of a query, working it out if need be.
func (e *evaluation) reference(id string) (value, error) {
	if l, ok := e.lines[id]; ok {
		return value{line: l}, nil
	}
	text, ok := e.expressions[id]
	switch {
	case !ok:
		return value{}, fmt.Errorf("the id %s is not defined", id)
	case e.open[id]:
		return value{}, fmt.Errorf("%s refers to itself", id)
	}
	e.open[id] = true
	p := parser{evaluation: e, text: text}
	v, err := p.expression()
	if err == nil && p.i < len(p.text) {
		err = p.unexpected()
	}
	if err == nil && v.line == nil {
		err = errors.New("it is no time series")
	}
	delete(e.open, id)
	if err != nil {
		if _, ok := errors.AsType[*apiError](err); ok {
			return value{}, err // worded where it was found
		}
		return value{}, invalid("Error in expression '" + id + "': " + err.Error() + ". Supported are +, -, *, /, ^ and parentheses over numbers and the ids of other queries.")
	}
	e.lines[id] = v.line
	return v, nil
}

// A parser evaluates an expression as it reads it.
type parser struct {
	*evaluation
	text string
	i    int
}

func (p *parser) space() {
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.i]) >= 0 {
		p.i++
	}
}

// next consumes one of the characters, or returns 0.
func (p *parser) next(of string) byte {
	p.space()
	if p.i < len(p.text) && strings.IndexByte(of, p.text[p.i]) >= 0 {
		p.i++
		return p.text[p.i-1]
	}
	return 0
}

func (p *parser) unexpected() error {
	if p.i >= len(p.text) {
		return errors.New("it ends too early")
	}
	return fmt.Errorf("unexpected %q", p.text[p.i:min(len(p.text), p.i+20)])
}

func (p *parser) expression() (value, error) {
	return p.binary("+-", func() (value, error) { return p.binary("*/", p.power) })
}

func (p *parser) binary(operators string, operand func() (value, error)) (value, error) {
	left, err := operand()
	for err == nil {
		operator := p.next(operators)
		if operator == 0 {
			break
		}
		var right value
		if right, err = operand(); err == nil {
			left = combine(operator, left, right)
		}
	}
	return left, err
}

// power is right-associative and binds closer than a sign before it.
func (p *parser) power() (value, error) {
	if p.depth++; p.depth > maxDepth {
		return value{}, errors.New("it is nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.next("-") != 0 {
		v, err := p.power()
		return combine('-', value{}, v), err
	}
	base, err := p.operand()
	if err != nil || p.next("^") == 0 {
		return base, err
	}
	exponent, err := p.power()
	return combine('^', base, exponent), err
}

func (p *parser) operand() (value, error) {
	if p.next("(") != 0 {
		v, err := p.expression()
		if err == nil && p.next(")") == 0 {
			err = p.unexpected()
		}
		return v, err
	}
	from := p.i
	for p.i < len(p.text) && (isLetter(p.text[p.i]) || isDigit(p.text[p.i:]) || p.text[p.i] == '.') {
		p.i++
	}
	word := p.text[from:p.i]
	switch {
	case word == "":
		return value{}, p.unexpected()
	case isLetter(word[0]):
		if p.next("(") != 0 {
			return value{}, fmt.Errorf("the function %s is not supported", word)
		}
		return p.reference(word)
	}
	number, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return value{}, fmt.Errorf("%s is no number", word)
	}
	return value{number: number}, nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

// combine works an operator out, point by point: a point is there where both
// sides have one and the result is a number.
func combine(operator byte, x, y value) value {
	apply := func(a, b float64) float64 {
		switch operator {
		case '+':
			return a + b
		case '-':
			return a - b
		case '*':
			return a * b
		case '/':
			return a / b
		}
		return math.Pow(a, b)
	}
	if x.line == nil && y.line == nil {
		return value{number: apply(x.number, y.number)}
	}
	out := make(line)
	times := x.line
	if times == nil {
		times = y.line
	}
	for at := range times {
		a, inX := x.at(at)
		b, inY := y.at(at)
		if n := apply(a, b); inX && inY && !math.IsNaN(n) && !math.IsInf(n, 0) {
			out[at] = n
		}
	}
	return value{line: out}
}

func (v value) at(at int64) (float64, bool) {
	if v.line == nil {
		return v.number, true
	}
	n, ok := v.line[at]
	return n, ok
}
