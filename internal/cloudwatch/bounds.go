package cloudwatch

import (
	"fmt"
	"math"
	"reflect"
)

// maxText is how long a text of a call may be, in bytes. The longest that the
// model knows, an expression, has 2,048 characters.
const maxText = 8 << 10

// checkTexts refuses an input with a text that is too long, which would come
// back in the answer.
func checkTexts(name string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		if v.Len() > maxText {
			return invalid(fmt.Sprintf("The parameter %s must not have more than %d bytes.", name, maxText))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return checkTexts(name, v.Elem())
		}
	case reflect.Struct:
		if v.Type() == instantType {
			return nil
		}
		for i := range v.NumField() {
			if err := checkTexts(nameOf(v.Type().Field(i)), v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkTexts(name, v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// items counts the data items of a body in CBOR, up to where it is no CBOR.
func items(body []byte) (n int) {
	for len(body) > 0 {
		kind, size, argument := body[0]>>5, 0, uint64(body[0]&0x1f)
		if 24 <= argument && argument <= 27 {
			size, argument = 1<<(argument-24), 0
		}
		if len(body) < 1+size {
			return n
		}
		for _, b := range body[1 : 1+size] {
			argument = argument<<8 | uint64(b)
		}
		body = body[1+size:]
		n++
		const bytes, text, endless = 2, 3, 31
		if kind != bytes && kind != text || argument == endless && size == 0 {
			continue
		}
		if argument > math.MaxInt32 || uint64(len(body)) < argument {
			return n
		}
		body = body[argument:]
	}
	return n
}
