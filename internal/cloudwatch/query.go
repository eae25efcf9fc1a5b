package cloudwatch

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxMembers bounds a list in a form; nothing takes so many.
const maxMembers = 1000

// maxDots is how many dots the name of a value in a form has at most; names of
// more are none that anything takes.
const maxDots = 16

// decodeForm reads the fields of the struct that in points to out of a form:
// Dimensions.member.1.Name is field Name of the first item of field Dimensions.
// What the form has beside them is ignored.
func decodeForm(form url.Values, in any) error {
	// Every prefix that something begins with, so that a list is read as far as
	// it goes.
	prefixes := make(map[string]bool)
	for name := range form {
		if strings.Count(name, ".") > maxDots {
			continue
		}
		for i := range len(name) {
			if name[i] == '.' {
				prefixes[name[:i]] = true
			}
		}
		prefixes[name] = true
	}
	return (&formReader{form, prefixes}).read("", reflect.ValueOf(in).Elem())
}

type formReader struct {
	form     url.Values
	prefixes map[string]bool
}

var instantType = reflect.TypeFor[instant]()

// read reads the value with the name into v.
func (f *formReader) read(name string, v reflect.Value) error {
	if v.Type() == instantType {
		at, err := time.Parse(time.RFC3339, f.form.Get(name))
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		v.Set(reflect.ValueOf(instant{at}))
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			at := nameOf(v.Type().Field(i))
			if name != "" {
				at = name + "." + at
			}
			if !f.prefixes[at] {
				continue
			}
			if err := f.read(at, v.Field(i)); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := 1; f.prefixes[name+".member."+strconv.Itoa(i)]; i++ {
			if i > maxMembers {
				return fmt.Errorf("reading %s: more than %d members", name, maxMembers)
			}
			item := reflect.New(v.Type().Elem()).Elem()
			if err := f.read(name+".member."+strconv.Itoa(i), item); err != nil {
				return err
			}
			v.Set(reflect.Append(v, item))
		}
	case reflect.Pointer:
		item := reflect.New(v.Type().Elem())
		if err := f.read(name, item.Elem()); err != nil {
			return err
		}
		v.Set(item)
	case reflect.Bool:
		b, err := strconv.ParseBool(f.form.Get(name))
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.ParseInt(f.form.Get(name), 10, 32)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		v.SetInt(n)
	default:
		v.SetString(f.form.Get(name))
	}
	return nil
}

// nameOf is the name of a field on the wire, the same in every protocol.
func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return cmp.Or(name, field.Name)
}

// writeXML writes the fields of a struct, or of what points to one, as elements;
// the items of a list are elements called member, the entries of a map elements
// called entry. What is nil is left out.
func writeXML(b *bytes.Buffer, out any) { writeFields(b, reflect.Indirect(reflect.ValueOf(out))) }

func writeFields(b *bytes.Buffer, v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if strings.Contains(field.Tag.Get("json"), "omitempty") && v.Field(i).IsZero() {
			continue
		}
		writeElement(b, nameOf(field), v.Field(i))
	}
}

func writeElement(b *bytes.Buffer, name string, v reflect.Value) {
	fmt.Fprintf(b, "<%s>", name)
	switch v = reflect.Indirect(v); {
	case v.Type() == instantType:
		b.WriteString(v.Interface().(instant).UTC().Format("2006-01-02T15:04:05Z"))
	case v.Kind() == reflect.Struct:
		writeFields(b, v)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			writeElement(b, "member", v.Index(i))
		}
	case v.Kind() == reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		for _, key := range keys {
			b.WriteString("<entry>")
			writeElement(b, "key", key)
			writeElement(b, "value", v.MapIndex(key))
			b.WriteString("</entry>")
		}
	case v.Kind() == reflect.Float64:
		b.WriteString(javaDouble(v.Float()))
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, v.Interface())) // a bytes.Buffer takes everything
	}
	fmt.Fprintf(b, "</%s>", name)
}

// javaDouble writes a number as AWS does in XML: 1 is 1.0.
func javaDouble(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e7 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'G', -1, 64)
}
