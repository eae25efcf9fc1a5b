package awsjson

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// What AWS says where a value has not the JSON type of its shape, as observed.
const (
	unexpectedList = "Start of list found where not expected"
	unexpectedMap  = "Start of structure or map found where not expected."
	wantList       = "Expected list or null"
	wantMap        = "Expected map or null"
	wantStructure  = "Expected null"
)

// Decode checks a request's body against the shape of its operation's input and
// returns it in canonical form: only members that the model knows, no nulls,
// integers whole, booleans as true or false. The error is an *Error:
// SerializationException where the JSON or a type in it is wrong, otherwise
// ValidationException with every violated constraint.
func (s *Shape) Decode(body []byte) ([]byte, error) {
	v, err := s.parse(body)
	if err != nil {
		return nil, err
	}
	if err := s.validate(v); err != nil {
		return nil, err
	}
	return encode(v)
}

// parse reads body as a value of the shape: strings, bools, json.Numbers,
// []any, longList and map[string]any, all of the types that the shape wants.
func (s *Shape) parse(body []byte) (any, error) {
	if !json.Valid(body) {
		return nil, serializationError("")
	}
	r := reader{body: body}
	switch r.next() {
	case '{':
	case '[':
		return nil, serializationError(unexpectedList)
	default:
		return nil, serializationError("")
	}
	v, err := r.value(s, true)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// convert returns the value that a text of JSON, no list and no object, has in
// the shape.
func (s *Shape) convert(text []byte, keep bool) (any, *Error) {
	isNumber := text[0] == '-' || '0' <= text[0] && text[0] <= '9'
	switch s.Kind {
	case Integer:
		if isNumber {
			return whole(json.Number(text), math.MinInt32, math.MaxInt32), nil
		}
		return nil, notConvertible(text, "an Integer")
	case Long:
		if isNumber {
			return whole(json.Number(text), math.MinInt64, math.MaxInt64), nil
		}
		return nil, notConvertible(text, "a Long")
	case Boolean:
		return convertBoolean(text)
	case Timestamp:
		if isNumber {
			return json.Number(text), nil
		}
		return nil, notConvertible(text, "milliseconds since epoch")
	default:
		switch {
		case text[0] != '"':
			return nil, notConvertible(text, "a String")
		case !keep:
			return "", nil
		}
		return unquote(text), nil
	}
}

// convertBoolean takes the words for true and false that AWS takes in a string.
func convertBoolean(text []byte) (any, *Error) {
	switch text[0] {
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case '"':
		if len(text) > maxQuotedName {
			return nil, notConvertible(text, "an Boolean")
		}
		switch strings.ToLower(unquote(text)) {
		case "true", "yes", "y", "t", "1":
			return true, nil
		case "false", "no", "n", "f", "0":
			return false, nil
		}
		return nil, notConvertible(text, "an Boolean")
	}
	return nil, notConvertible(text, "a Boolean")
}

// notConvertible names the kind of a text of JSON as AWS does.
func notConvertible(text []byte, to string) *Error {
	from := "NUMBER_VALUE"
	switch text[0] {
	case '"':
		from = "STRING_VALUE"
	case 't':
		from = "TRUE_VALUE"
	case 'f':
		from = "FALSE_VALUE"
	}
	return serializationError(from + " can not be converted to " + to)
}

// whole cuts off a number's fraction, as AWS does where it wants an integer. A
// number beyond what the integer holds becomes the one nearest to it.
func whole(n json.Number, smallest, largest int64) json.Number {
	i, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		f, _ := strconv.ParseFloat(string(n), 64) // out of range is ±Inf
		switch {
		case f >= math.MaxInt64:
			i = math.MaxInt64
		case f <= math.MinInt64:
			i = math.MinInt64
		default:
			i = int64(f)
		}
	}
	return json.Number(strconv.FormatInt(min(max(i, smallest), largest), 10))
}
