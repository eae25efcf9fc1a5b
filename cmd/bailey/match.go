package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"bailey/pattern"
)

// matchCommand matches patterns and events that standard input gives.
type matchCommand struct{}

// maxMatchLine bounds a line of input, in bytes: an event and a pattern, both escaped.
const maxMatchLine = 16 << 20

// Help is what --help says beyond the list of flags.
func (matchCommand) Help() string {
	return `Each line of standard input is {"event": TEXT, "pattern": TEXT}, both strings that hold JSON. Each gets one line of
output: true, false, or error, an AWS error code and its message.`
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
		if err != nil {
			return errors.Join(fmt.Errorf("reading line %d: %w", number, err), out.Flush())
		}
		if _, err := out.WriteString(matchLine(line) + "\n"); err != nil {
			return fmt.Errorf("answering line %d: %w", number, err)
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("answering line %d: %w", number, err)
			}
		}
	}
}

func matchLine(line []byte) string {
	var question struct {
		Event   *string `json:"event"`
		Pattern *string `json:"pattern"`
	}
	if err := json.Unmarshal(line, &question); err != nil || question.Event == nil || question.Pattern == nil {
		return `error ValidationException The line is not a JSON object with the strings "event" and "pattern".`
	}
	return pattern.Check(*question.Pattern, *question.Event)
}

// readLine reads up to the next line break, or to the end of what has none. It returns io.EOF only where nothing is left.
func readLine(in *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > most {
			return nil, fmt.Errorf("it has more than %d bytes", most)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return nil, err
		}
	}
}
