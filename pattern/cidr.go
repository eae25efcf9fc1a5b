package pattern

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// An addressRange is a block of addresses of one family, both ends included.
type addressRange struct{ low, high []byte }

// all reports whether the mask has no bits.
func (r addressRange) all() bool {
	for i := range r.low {
		if r.low[i] != 0 || r.high[i] != 0xFF {
			return false
		}
	}
	return true
}

// contains compares an address with the range, byte by byte. An address of
// the other family compares with as many bytes as both have: AWS writes
// addresses as hexadecimal digits and compares those from the left, so that
// ::/0 contains (almost) every version 4 address too.
func (r addressRange) contains(address []byte) bool {
	if n := len(r.low); len(address) >= n {
		return bytes.Compare(address[:n], r.low) >= 0 && bytes.Compare(address[:n], r.high) <= 0
	}
	return bytes.Compare(address, r.low[:len(address)]) > 0 && bytes.Compare(address, r.high[:len(address)]) < 0
}

// parseAddress reads an address the way AWS does: version 4 as four decimal
// numbers, leading zeros ignored; version 6 without an embedded version 4
// address. A version 6 address that maps a version 4 one is the version 4 one.
func parseAddress(text string, dst *[16]byte) (address []byte, ok bool) {
	if len(text) == 0 || len(text) > 64 {
		return nil, false
	}
	colon := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == ':':
			colon = true
		case isDigit(c), c == '.', 'a' <= lowerASCII(c) && lowerASCII(c) <= 'f':
		default:
			return nil, false
		}
	}
	if colon {
		return parseAddress6(text, dst)
	}
	return parseAddress4(text, dst)
}

func parseAddress4(text string, dst *[16]byte) ([]byte, bool) {
	if len(text) > 15 {
		return nil, false
	}
	octet, digits, n := 0, 0, 0
	for i := range len(text) {
		c := text[i]
		switch {
		case isDigit(c):
			octet = octet*10 + int(c-'0')
			digits++
		case c != '.' || digits == 0 || n == 3:
			return nil, false
		default:
			dst[n] = byte(octet)
			octet, digits = 0, 0
			n++
		}
		if octet > math.MaxUint8 {
			return nil, false
		}
	}
	if n != 3 || digits == 0 {
		return nil, false
	}
	dst[3] = byte(octet)
	return dst[:4], true
}

func parseAddress6(text string, dst *[16]byte) ([]byte, bool) {
	if strings.ContainsRune(text, '.') {
		return nil, false
	}
	groups := strings.Split(text, ":")
	for i, group := range groups { // netip refuses leading zeros beyond four digits
		if len(group) > 4 {
			if groups[i] = strings.TrimLeft(group, "0"); groups[i] == "" {
				groups[i] = "0"
			}
		}
	}
	address, err := netip.ParseAddr(strings.Join(groups, ":"))
	if err != nil {
		return nil, false
	}
	if address = address.Unmap(); address.Is4() {
		four := address.As4()
		return append(dst[:0], four[:]...), true
	}
	*dst = address.As16()
	return dst[:], true
}

// looksLikeAddress reports whether AWS would try to read text as an address.
func looksLikeAddress(text string) bool {
	if strings.ContainsRune(text, ':') {
		return strings.Trim(text, "0123456789abcdefABCDEF:") == ""
	}
	parts := strings.Split(text, ".")
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 4
}

// parseCIDR reads a block such as 10.0.0.0/24, or returns AWS's reason.
func parseCIDR(text string) (r addressRange, reason string) {
	parts := strings.Split(text, "/")
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	if len(parts) != 2 {
		return r, "Malformed CIDR, one '/' required"
	}
	bits, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil {
		return r, "Malformed CIDR, mask bits must be an integer"
	}
	if bits < 0 {
		return r, "Malformed CIDR, mask bits must not be negative"
	}
	var buf [16]byte
	address, ok := parseAddress(parts[0], &buf)
	switch {
	case !looksLikeAddress(parts[0]):
		return r, "Nonstandard IP address: " + parts[0]
	case !ok:
		return r, "Invalid IP address: " + parts[0]
	case len(address) == 4 && bits > 31:
		return r, "IPv4 mask bits must be < 32"
	case bits > 127:
		return r, "IPv6 mask bits must be < 128"
	}
	r = addressRange{low: bytes.Clone(address), high: bytes.Clone(address)}
	for i := range address {
		var mask byte
		if fixed := int(bits) - 8*i; fixed >= 8 {
			mask = 0xFF
		} else if fixed > 0 {
			mask = 0xFF << (8 - fixed)
		}
		r.low[i] &= mask
		r.high[i] |= ^mask
	}
	return r, ""
}
