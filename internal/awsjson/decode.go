package awsjson

import (
	"bytes"
	"encoding/json"
	"io"
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
// []any and map[string]any, all of the types that the shape wants.
func (s *Shape) parse(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var raw any
	if err := dec.Decode(&raw); err != nil {
		return nil, serializationError("")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, serializationError("")
	}
	switch raw.(type) {
	case map[string]any:
	case []any:
		return nil, serializationError(unexpectedList)
	default:
		return nil, serializationError("")
	}
	v, err := s.convert(raw)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// convert returns raw as a value of the shape. It returns nil for null, which
// AWS takes as absent everywhere.
func (s *Shape) convert(raw any) (any, *Error) {
	if raw == nil {
		return nil, nil
	}
	switch s.Kind {
	case List:
		return s.convertList(raw)
	case Map:
		return s.convertMap(raw)
	case Structure:
		return s.convertStructure(raw)
	}
	switch raw.(type) {
	case []any:
		return nil, serializationError(unexpectedList)
	case map[string]any:
		return nil, serializationError(unexpectedMap)
	}
	switch s.Kind {
	case Integer:
		if n, ok := raw.(json.Number); ok {
			return whole(n, math.MinInt32, math.MaxInt32), nil
		}
		return nil, notConvertible(raw, "an Integer")
	case Long:
		if n, ok := raw.(json.Number); ok {
			return whole(n, math.MinInt64, math.MaxInt64), nil
		}
		return nil, notConvertible(raw, "a Long")
	case Boolean:
		return convertBoolean(raw)
	case Timestamp:
		if n, ok := raw.(json.Number); ok {
			return n, nil
		}
		return nil, notConvertible(raw, "milliseconds since epoch")
	default:
		if text, ok := raw.(string); ok {
			return text, nil
		}
		return nil, notConvertible(raw, "a String")
	}
}

func (s *Shape) convertList(raw any) (any, *Error) {
	switch raw := raw.(type) {
	case []any:
		out := make([]any, 0, len(raw))
		for _, item := range raw {
			v, err := s.Element.convert(item)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out = append(out, v)
			}
		}
		return out, nil
	case map[string]any:
		return nil, serializationError(unexpectedMap)
	}
	return nil, serializationError(wantList)
}

func (s *Shape) convertMap(raw any) (any, *Error) {
	switch raw := raw.(type) {
	case map[string]any:
		out := make(map[string]any, len(raw))
		for key, item := range raw {
			v, err := s.Element.convert(item)
			if err != nil {
				return nil, err
			}
			if v != nil {
				out[key] = v
			}
		}
		return out, nil
	case []any:
		return nil, serializationError(unexpectedList)
	}
	return nil, serializationError(wantMap)
}

func (s *Shape) convertStructure(raw any) (any, *Error) {
	switch raw := raw.(type) {
	case map[string]any:
		out := make(map[string]any, len(s.Members))
		for _, m := range s.Members {
			v, err := m.Shape.convert(raw[m.Name])
			if err != nil {
				return nil, err
			}
			if v != nil {
				out[m.Name] = v
			}
		}
		return out, nil
	case []any:
		return nil, serializationError(unexpectedList)
	}
	return nil, serializationError(wantStructure)
}

// convertBoolean takes the words for true and false that AWS takes in a string.
func convertBoolean(raw any) (any, *Error) {
	switch raw := raw.(type) {
	case bool:
		return raw, nil
	case string:
		switch strings.ToLower(raw) {
		case "true", "yes", "y", "t", "1":
			return true, nil
		case "false", "no", "n", "f", "0":
			return false, nil
		}
		return nil, notConvertible(raw, "an Boolean")
	}
	return nil, notConvertible(raw, "a Boolean")
}

func notConvertible(raw any, to string) *Error {
	from := "STRING_VALUE"
	switch raw := raw.(type) {
	case json.Number:
		from = "NUMBER_VALUE"
	case bool:
		from = strings.ToUpper(strconv.FormatBool(raw)) + "_VALUE"
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
