package e2e

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Object is a JSON object, as inputs and outputs are written here.
type Object = map[string]any

// List is a JSON array.
type List = []any

// Mismatch says in words where got is not what is wanted, or returns "". Both are read as JSON. Of an object got may have
// more members than are wanted; a member wanted as nil must not be there. A list has the wanted items and no others.
func Mismatch(got, want any) string {
	return mismatch("", canonical(got), canonical(want))
}

// canonical returns value as encoding/json reads it.
func canonical(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	return read
}

func mismatch(path string, got, want any) string {
	switch want := want.(type) {
	case Object:
		members, ok := got.(Object)
		if !ok {
			return fmt.Sprintf("%s: got %v, want an object", path, got)
		}
		names := make([]string, 0, len(want))
		for name := range want {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			value, there := members[name]
			if !there && want[name] != nil {
				return fmt.Sprintf("%s.%s: is missing, want %v", path, name, want[name])
			}
			if difference := mismatch(path+"."+name, value, want[name]); difference != "" {
				return difference
			}
		}
		return ""
	case List:
		items, ok := got.(List)
		if !ok || len(items) != len(want) {
			return fmt.Sprintf("%s: got %v, want a list of %d", path, got, len(want))
		}
		for i := range want {
			if difference := mismatch(fmt.Sprintf("%s[%d]", path, i), items[i], want[i]); difference != "" {
				return difference
			}
		}
		return ""
	default:
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("%s: got %v, want %v", path, got, want)
		}
		return ""
	}
}
