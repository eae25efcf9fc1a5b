// Package jsonpath finds values in JSON documents by the paths that
// EventBridge knows: those of InputPath, of an input transformer's
// InputPathsMap and of the dynamic parameters of an API Gateway target are one
// language with one behaviour (P3), but that names in brackets are for dynamic
// parameters only.
//
// A path is `$`, the whole document, followed by any number of steps:
//
//	.name              a member of an object
//	['name'] ["name"]  the same, for a name with any characters
//	[n]                the n-th item of an array, from 0
//	[*]                every item of an array
//
// A name after a dot consists of letters and digits of any script, `_`, `-`
// and `/`. A name in brackets may escape characters as JSON does, and the
// single quotation mark as `\'`. Nothing else is a path: no `..`, no `.*`, no
// negative index, no slice, no filter, no function.
//
// Documents are searched as the bytes they are. A value is found with the text
// it has in the document, so numbers keep theirs. Names are compared after the
// document's escapes are undone. Where an object repeats a name the last one
// counts, as it does for most JSON parsers.
//
// With `[*]` the result is one flat array of everything found, in the order of
// the document, however many `[*]` the path has. It may be empty; but where
// there is no array for the first `[*]` nothing is found at all.
package jsonpath

import (
	"bytes"
	"iter"
	"strings"
	"unicode/utf8"
)

// A Path is a parsed path. The zero Path is `$`. Paths are immutable and may be
// used by several goroutines at once.
type Path struct {
	text   string
	steps  []step
	quoted bool // a name stands in brackets
}

// A step leads from a value to one or, for everyItem, many of its parts.
type step struct {
	kind  kind
	name  string // of a member, escapes undone
	index int    // of an item
}

type kind uint8

const (
	member kind = iota
	item
	everyItem
)

// IsPath reports whether text is meant as a path rather than as a literal
// value: whether it is `$` or begins with `$.` or `$[` (P2). Parse says whether
// it is a good one.
func IsPath(text string) bool {
	return text == "$" || strings.HasPrefix(text, "$.") || strings.HasPrefix(text, "$[")
}

// String returns the path as it was written.
func (p Path) String() string {
	if p.text == "" {
		return "$"
	}
	return p.text
}

// Find returns the value that the path leads to in doc, which must be valid
// JSON; in other bytes it may find anything or nothing. What is found is a part
// of doc, without the white space around it, unless the path has a `[*]`: then
// it is a new array. A null that is found is found: raw is `null` and ok true.
//
// Find takes no memory unless the path has a `[*]`, and none of the stack for
// the document's depth. Its time is at most proportional to the document's
// length times the number of the path's steps.
func (p Path) Find(doc []byte) (raw []byte, ok bool) {
	at, rest, ok := follow(doc, skipSpace(doc, 0), p.steps)
	if !ok {
		return nil, false
	}
	if len(rest) > 0 {
		return p.collect(doc, at, rest)
	}
	end, ok := skipValue(doc, at)
	if !ok {
		return nil, false
	}
	return doc[at:end:end], true
}

// Members yields the members of a JSON object in their order, repeated names
// included: each name with its escapes undone, and each value as the part of
// the object that it is. It yields nothing for any other value.
func Members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(name string, value []byte) bool) {
		for key, at, ok := firstMember(object, skipSpace(object, 0)); ok; key, at, ok = nextMember(object, at) {
			end, closed := skipValue(object, at)
			if !closed || !yield(string(appendUnescaped(nil, key)), object[at:end:end]) {
				return
			}
		}
	}
}

// collect returns the array of what rest, which begins with [*], finds from
// doc[at] on.
func (p Path) collect(doc []byte, at int, rest []step) ([]byte, bool) {
	if at >= len(doc) || doc[at] != '[' {
		return nil, false
	}
	found := appendItems([]byte{'['}, doc, at, rest[1:])
	if last := len(found) - 1; found[last] == ',' {
		found[last] = ']'
		return found, true
	}
	return append(found, ']'), true
}

// appendItems appends what steps lead to from each item of the array at
// doc[at], if there is one, each followed by a comma. It calls itself once for
// every further [*] of the path.
func appendItems(dst, doc []byte, at int, steps []step) []byte {
	for at, ok := firstItem(doc, at); ok; at, ok = nextItem(doc, at) {
		part, rest, ok := follow(doc, at, steps)
		if !ok {
			continue
		}
		if len(rest) > 0 {
			dst = appendItems(dst, doc, part, rest[1:])
			continue
		}
		if end, ok := skipValue(doc, part); ok {
			dst = append(dst, doc[part:end]...)
			dst = append(dst, ',')
		}
	}
	return dst
}

// follow takes steps from the value at doc[at] until they end or a [*] comes,
// and returns where it got to and the steps that are left.
func follow(doc []byte, at int, steps []step) (to int, rest []step, ok bool) {
	for i, s := range steps {
		switch s.kind {
		case member:
			at, ok = findMember(doc, at, s.name)
		case item:
			at, ok = findItem(doc, at, s.index)
		case everyItem:
			return at, steps[i:], true
		}
		if !ok {
			return 0, nil, false
		}
	}
	return at, nil, true
}

// findMember returns where the value of the last member called name begins in
// the object at doc[at].
func findMember(doc []byte, at int, name string) (value int, ok bool) {
	for key, at, more := firstMember(doc, at); more; key, at, more = nextMember(doc, at) {
		if equal(key, name) {
			value, ok = at, true
		}
	}
	return value, ok
}

// findItem returns where the item with this index begins in the array at
// doc[at].
func findItem(doc []byte, at, index int) (value int, ok bool) {
	for at, ok = firstItem(doc, at); ok; at, ok = nextItem(doc, at) {
		if index == 0 {
			return at, true
		}
		index--
	}
	return 0, false
}

// equal reports whether key, the inside of a JSON string, stands for name.
func equal(key []byte, name string) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key) == name
	}
	for i := 0; i < len(key); {
		if key[i] != '\\' {
			if name == "" || name[0] != key[i] {
				return false
			}
			name = name[1:]
			i++
			continue
		}
		want, next, ok := unescape(key, i)
		got, size := utf8.DecodeRuneInString(name)
		if !ok || size == 0 || got != want {
			return false
		}
		name = name[size:]
		i = next
	}
	return name == ""
}
