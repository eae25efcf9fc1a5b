package admin

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// CheckNames refuses a JSON text with a member whose name differs in its case
// alone from one that v has: encoding/json takes the one for the other, and AWS
// does not.
func CheckNames(text []byte, v any) error {
	if given, name := inexact(text, reflect.TypeOf(v)); given != "" {
		return fmt.Errorf("it has a member %q; the name is %q", given, name)
	}
	return nil
}

// inexact returns the first name in a JSON text that is the name of a member of
// type t but for its case, and that name. What reads its own JSON is not looked into.
func inexact(text []byte, t reflect.Type) (given, name string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return "", ""
	}
	switch t.Kind() {
	case reflect.Slice:
		var items []json.RawMessage
		if t.Elem().Kind() == reflect.Uint8 || json.Unmarshal(text, &items) != nil {
			return "", ""
		}
		for _, item := range items {
			if given, name = inexact(item, t.Elem()); given != "" {
				return given, name
			}
		}
	case reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) != nil {
			return "", ""
		}
		for _, field := range reflect.VisibleFields(t) {
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || tag == "-" || field.Anonymous {
				continue
			}
			if tag == "" {
				tag = field.Name
			}
			for member, value := range members {
				if member != tag && strings.EqualFold(member, tag) {
					return member, tag
				}
				if member == tag {
					if given, name = inexact(value, field.Type); given != "" {
						return given, name
					}
				}
			}
		}
	}
	return "", ""
}
