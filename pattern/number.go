package pattern

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// parseNumber returns the double a JSON number's text stands for, if it is
// comparable: if the text, as a decimal, equals the double's shortest decimal
// form. 9007199254740993, 1e400, 1e-400 and what [exceedsLimits] are not. Minus
// zero is zero.
func parseNumber(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !isExact(text, f) {
		return 0, false
	}
	return f + 0, true // -0 + 0 is 0
}

// isExact reports whether a number's text stands for f, the double nearest to
// it, exactly.
func isExact(text string, f float64) bool {
	var buf [24]byte
	digits, exponent, fits := decimal(buf[:0:17], text)
	switch {
	case !fits:
		return false
	case f == 0:
		return len(digits) == 0
	case len(digits) <= 15 && -290 < exponent && exponent < 290:
		return true
	}
	var short, shortBuf [32]byte
	shortDigits, shortExponent, _ := decimal(shortBuf[:0:17], string(strconv.AppendFloat(short[:0], f, 'e', -1, 64)))
	if len(shortDigits) == 1 && math.Abs(f) < 0x1p-1022 { // AWS's form has two digits at least: 4.9e-324
		shortDigits, shortExponent, _ = decimal(shortBuf[:0:17], string(strconv.AppendFloat(short[:0], f, 'e', 1, 64)))
	}
	return shortExponent == exponent && bytes.Equal(shortDigits, digits)
}

// decimal writes a number's significant digits to dst, without zeros at
// either end, and returns the power of ten of a decimal point before them.
// fits is false when cap(dst) digits do not suffice or the exponent is absurd.
func decimal(dst []byte, text string) (digits []byte, exponent int, fits bool) {
	zeros, point, seen := 0, false, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '0':
			if !seen {
				if point {
					exponent--
				}
				continue
			}
			zeros++
			if !point {
				exponent++
			}
		case '1' <= c && c <= '9':
			seen = true
			if len(dst)+zeros >= cap(dst) {
				return dst, 0, false
			}
			for ; zeros > 0; zeros-- {
				dst = append(dst, '0')
			}
			dst = append(dst, c)
			if !point {
				exponent++
			}
		case c == '.':
			point = true
		case c == 'e' || c == 'E':
			n, err := strconv.Atoi(text[i+1:])
			if err != nil || n > 1<<20 || n < -1<<20 {
				return dst, 0, !seen && !exceedsLimits(text)
			}
			return dst, exponent + n, true
		}
	}
	return dst, exponent, true
}

// exceedsLimits reports whether a number's text, written as an integer and a
// power of ten, has an exponent of more than 32 bits. AWS's matcher reads no
// such number, not even a zero.
func exceedsLimits(text string) bool {
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return false
	}
	exponent, err := strconv.ParseInt(text[i+1:], 10, 64)
	if err != nil {
		return true
	}
	if point := strings.IndexByte(text[:i], '.'); point >= 0 {
		exponent = max(exponent, 2*math.MinInt32) - int64(i-point-1)
	}
	return exponent <= math.MinInt32 || exponent > math.MaxInt32
}
