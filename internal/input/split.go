package input

import (
	"strings"

	"bailey/internal/jsonpath"
)

// A splitting is a template as it is taken apart, and what was seen meanwhile.
type splitting struct {
	template
	unknown string // the first variable that is neither predefined nor in the map
	key     bool   // a variable is a member's name or a part of one

	paths    map[string]jsonpath.Path
	index    map[string]int // of variables, by name
	begin    int            // of the text that belongs to the next part
	inString bool
	open     []byte // the brackets that are open
	name     bool   // what comes is a member's name
}

// split takes a template apart. Without a map, which is nil, no variable is
// unknown: those that are not defined stay as they are written.
func split(text string, paths map[string]jsonpath.Path) *splitting {
	s := &splitting{paths: paths, index: make(map[string]int)}
	s.text = text
	switch begin := strings.TrimLeft(text, space); {
	case strings.HasPrefix(begin, "{"):
		s.kind = objectTemplate
	case strings.HasPrefix(begin, `"`):
		s.kind = stringTemplate
	}
	for at := 0; at < len(text); at++ {
		switch c := text[at]; {
		case c == '"':
			s.inString = !s.inString
		case c == '\\' && s.inString:
			at++
		case c == '<':
			if name, ok := placeholder(text[at+1:]); ok {
				s.add(at, name)
				at += len(name) + 1
			}
		case !s.inString:
			s.follow(c)
		}
	}
	s.tail = text[s.begin:]
	return s
}

// follow keeps track of where members' names are.
func (s *splitting) follow(c byte) {
	switch c {
	case '{', '[':
		s.open = append(s.open, c)
		s.name = c == '{'
	case '}', ']':
		s.open = s.open[:max(len(s.open)-1, 0)]
		s.name = false
	case ',':
		s.name = len(s.open) > 0 && s.open[len(s.open)-1] == '{'
	case ':':
		s.name = false
	}
}

// add ends a part with the variable that begins at a place.
func (s *splitting) add(at int, name string) {
	n, seen := s.index[name]
	if !seen {
		v := variable{name: name, source: undefined}
		if path, defined := s.paths[name]; defined {
			v.source, v.path = fromPath, path
		} else if origin, isPredefined := predefined[name]; isPredefined {
			v.source = origin
		} else if s.paths != nil && s.unknown == "" {
			s.unknown = name
		}
		n = len(s.variables)
		s.index[name] = n
		s.variables = append(s.variables, v)
	}
	s.key = s.key || s.name && s.variables[n].source != undefined
	s.parts = append(s.parts, part{before: s.text[s.begin:at], at: at, variable: n, inString: s.inString})
	s.begin = at + len("<"+name+">")
}

// placeholder returns the name that text begins with, up to a >.
func placeholder(text string) (name string, ok bool) {
	end := strings.IndexAny(text, "<>\""+space)
	if end < 1 || text[end] != '>' {
		return "", false
	}
	return text[:end], true
}
