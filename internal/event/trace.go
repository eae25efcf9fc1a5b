package event

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Trace returns the X-Ray trace header of an event whose caller gave header: in
// the form in which EventBridge passes it on, or empty where the event has no
// trace.
//
// The parts are Root, Parent and Sampled in this order, then whatever else the
// header has, the last first. Spaces and parts without "=" are dropped, and the
// root is in lower case. Of several parts of a name the last counts: for Sampled
// also one that is invalid, for Parent the last valid one. A parent in capitals
// has no trace where the caller says that it is sampled: so it was seen on AWS.
// Without a valid root there is no trace, unless the caller said that it is not
// sampled: then a new root is made, of the moment now. Characters that no header
// may have are dropped like spaces.
//
// Other parts change their order each time: Trace of a Trace has them as they
// were in the beginning.
func Trace(header string, now time.Time) string {
	if header == "" {
		return ""
	}
	var root, parent, sampled string
	var others []string
	for part := range strings.SplitSeq(strings.Map(inTrace, header), ";") {
		key, value, ok := strings.Cut(part, "=")
		switch {
		case !ok:
		case key == "Root":
			root = strings.ToLower(value)
		case key == "Parent":
			if len(value) == 16 && isHexadecimal(value) {
				parent = part
			}
		case key == "Sampled":
			sampled = ""
			if value == "0" || value == "1" || value == "?" {
				sampled = part
			}
		default:
			others = append(others, part)
		}
	}
	if !isRoot(root) {
		if sampled != "Sampled=0" {
			return ""
		}
		root = newRoot(now)
	}
	if sampled == "Sampled=1" && strings.ContainsAny(strings.TrimPrefix(parent, "Parent="), "ABCDEF") {
		return ""
	}
	b := make([]byte, 0, len(header)+len(root))
	b = append(b, "Root="...)
	b = append(b, root...)
	for _, part := range []string{parent, sampled} {
		if part != "" {
			b = append(b, ';')
			b = append(b, part...)
		}
	}
	for i := len(others) - 1; i >= 0; i-- {
		b = append(b, ';')
		b = append(b, others[i]...)
	}
	return string(b)
}

// inTrace drops what is not to be in a trace header.
func inTrace(r rune) rune {
	if r <= ' ' || r > '~' {
		return -1
	}
	return r
}

// isRoot reports whether text is the id of a trace: 1, the second in which it
// began and 24 digits more, both hexadecimal and in lower case.
func isRoot(text string) bool {
	return len(text) == len("1-5759e988-bd862e3fe1be46a994272793") && text[:2] == "1-" && text[10] == '-' &&
		isHexadecimal(text[2:10]) && isHexadecimal(text[11:])
}

func isHexadecimal(text string) bool {
	for i := range len(text) {
		if !hexadecimal(text[i]) {
			return false
		}
	}
	return true
}

// newRoot makes the id of a new trace.
func newRoot(now time.Time) string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	second := strconv.FormatUint(uint64(uint32(now.Unix())), 16)
	return "1-" + strings.Repeat("0", 8-len(second)) + second + "-" + hex.EncodeToString(random[:])
}
