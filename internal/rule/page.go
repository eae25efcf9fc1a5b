package rule

import (
	"encoding/base64"
	"strings"
)

// maxPage is how many items a page has at most, and if nobody says.
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

// token says where the next page of a list begins. It names the list so that
// the token of one cannot be used for another.
func token(list, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + " " + last))
}

// after returns the name in the token, of what ended the page before; empty for
// the first page.
func (p Page) after(list string) (string, *Error) {
	if p.Token == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Token)
	last, ok := strings.CutPrefix(string(text), list+" ")
	if err != nil || !ok {
		return "", refuse(Invalid, "Parameter NextToken is not valid.")
	}
	return last, nil
}
