package rule

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strings"
)

// maxPage is how many items a page has at most, and by default.
const maxPage = 100

// A Page says which part of a list is wanted. Lists are in order of name
// or id, and a page goes on after the name at which the one before it
// ended, whatever was added or removed in the meantime.
type Page struct {
	Token string // of the page before; empty for the first
	Limit int    // 1 to 100; 0 is 100
}

func (p Page) limit() int {
	if p.Limit <= 0 || p.Limit > maxPage {
		return maxPage
	}
	return p.Limit
}

// A listing is a list that is handed out in pages. It is in its tokens, so that
// the token of one list cannot be used for another.
type listing struct {
	name string
	// filter is what the list was asked for, where a token holds for that alone.
	filter []string
	// reasons says that AWS tells why it refuses a token of this list.
	reasons bool
}

// prefix is what the text of the list's tokens begins with.
func (l listing) prefix() string {
	if l.filter == nil {
		return l.name + " "
	}
	h := fnv.New64a()
	for _, f := range l.filter {
		_, _ = fmt.Fprintf(h, "%q", f) // a hash takes everything
	}
	return fmt.Sprintf("%s %x ", l.name, h.Sum64())
}

// token says where the next page begins: after the name last.
func (l listing) token(last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.prefix() + last))
}

// after returns the name at which the page before a page ended; empty for the
// first page.
func (l listing) after(p Page) (string, *Error) {
	if p.Token == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Token)
	if err != nil || !strings.HasPrefix(string(text), l.name+" ") {
		return "", l.refuse("Malformed request.")
	}
	last, ok := strings.CutPrefix(string(text), l.prefix())
	if !ok {
		return "", l.refuse("Token invalid.")
	}
	return last, nil
}

func (l listing) refuse(reason string) *Error {
	if !l.reasons {
		return refuse(Invalid, "Parameter NextToken is not valid.")
	}
	return refuse(Invalid, "Parameter NextToken is not valid. Reason: %s", reason)
}

// token and after are those of a list whose tokens hold for whatever it is asked
// for.
func token(list, last string) string { return listing{name: list}.token(last) }

func (p Page) after(list string) (string, *Error) { return listing{name: list}.after(p) }
