package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// maxInput bounds what a command reads from a file or standard input at once, in bytes.
const maxInput = 16 << 20

// readInput reads a file, or standard input where its name is "-".
func readInput(t *terminal, name string) ([]byte, error) {
	if name == "-" {
		return readAll("standard input", io.NopCloser(t.in))
	}
	return readFile(name)
}

// readFile reads a file.
func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return readAll(name, file)
}

func readAll(name string, in io.ReadCloser) ([]byte, error) {
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxInput)
	}
	return text, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
