// Package colour colours text for people at a terminal.
package colour

import "os"

// A Painter colours text; a false one leaves it as it is.
type Painter bool

// For returns the painter for what is written to a file: a true one if that is a terminal whose user has not asked for no
// colours (https://no-color.org).
func For(file *os.File) Painter {
	info, err := file.Stat()
	return Painter(err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// The ways to paint, by SGR codes that every terminal of today knows.

// Bold makes text stand out.
func (p Painter) Bold(text string) string { return p.wrap("1", text) }

// Dim makes text stand back.
func (p Painter) Dim(text string) string { return p.wrap("2", text) }

// Green is for what went well.
func (p Painter) Green(text string) string { return p.wrap("1;32", text) }

// Yellow is for what is not decided.
func (p Painter) Yellow(text string) string { return p.wrap("1;33", text) }

// Red is for what failed.
func (p Painter) Red(text string) string { return p.wrap("1;31", text) }

func (p Painter) wrap(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
