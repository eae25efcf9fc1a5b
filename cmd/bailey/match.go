package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"bailey/internal/event"
	"bailey/pattern"
)

// matchCommand matches patterns and events that standard input gives.
type matchCommand struct{}

// maxMatchLine bounds a line of input, in bytes: an event and a pattern, both escaped.
const maxMatchLine = 16 << 20

// Help is what --help says beyond the list of flags.
func (matchCommand) Help() string {
	return `Each line of standard input is {"event": TEXT, "pattern": TEXT}, both strings that hold JSON. Each gets one line of
output, what TestEventPattern answers: true, false, or error, an AWS error code and its message, without the position in the
pattern. An event needs its envelope: id, account, source, time, region and detail-type.`
}

// Run answers line by line, so that another program can ask it questions one after the other.
func (matchCommand) Run(t *terminal) error {
	in := bufio.NewReaderSize(t.in, 64<<10)
	out := bufio.NewWriter(t.out)
	for number := 1; ; number++ {
		line, err := readLine(in, maxMatchLine)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		answer := badLine
		switch {
		case err == nil:
			answer = matchLine(line)
		case !errors.Is(err, errLongLine):
			return errors.Join(fmt.Errorf("reading line %d: %w", number, err), out.Flush())
		}
		if _, err := out.WriteString(answer + "\n"); err != nil {
			return fmt.Errorf("answering line %d: %w", number, err)
		}
		if next, _ := in.Peek(in.Buffered()); bytes.IndexByte(next, '\n') < 0 { // who asks may wait for the answers so far
			if err := out.Flush(); err != nil {
				return fmt.Errorf("answering line %d: %w", number, err)
			}
		}
	}
}

// badLine answers a line that asks nothing.
const badLine = `error ValidationException The line is not a JSON object with the strings "event" and "pattern".`

func matchLine(line []byte) string {
	var question struct {
		Event   *string `json:"event"`
		Pattern *string `json:"pattern"`
	}
	if err := json.Unmarshal(line, &question); err != nil || question.Event == nil || question.Pattern == nil {
		return badLine
	}
	var code, message string
	matched, err := testEventPattern(*question.Pattern, *question.Event)
	switch e, ok := errors.AsType[*pattern.Error](err); {
	case err == nil:
		return strconv.FormatBool(matched)
	case ok:
		code = e.Code()
		if e.Message() != "" {
			message = e.Error()
		}
	default:
		code, message = "ValidationException", err.Error()
	}
	return inOneLine(strings.TrimRight("error "+code+" "+message, " "))
}

// testEventPattern answers as the operation TestEventPattern does, which asks no
// more of a pattern's length than that it is one; the quota is PutRule's.
func testEventPattern(text, of string) (bool, error) {
	if length := utf8.RuneCountInString(text); length > pattern.MaxLength {
		return false, fmt.Errorf("1 validation error detected: Value '%s' at 'eventPattern' failed to satisfy constraint: Member must have length less than or equal to %d", text, pattern.MaxLength)
	}
	if err := event.CheckEnvelope([]byte(of)); err != nil {
		return false, err
	}
	p, err := pattern.Parse(text)
	if err != nil {
		return false, err
	}
	if refused := p.Refused(); refused != nil {
		return false, refused
	}
	return p.Match([]byte(of)), nil
}

// inOneLine returns s without line breaks.
func inOneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

var errLongLine = errors.New("line is too long")

// readLine reads up to the next line break, or to the end of what has none. It returns io.EOF only where nothing is left, and
// errLongLine for a line of more than most bytes, having read past it.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for read := 0; ; {
		part, err := in.ReadSlice('\n')
		if read += len(part); read <= most {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && (!errors.Is(err, io.EOF) || read == 0):
			return nil, err
		case read > most:
			return nil, errLongLine
		default:
			return line, nil
		}
	}
}
