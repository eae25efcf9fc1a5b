package colour_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bailey/internal/colour"
)

func ExamplePainter() {
	fmt.Printf("%q\n", colour.Painter(true).Red("DEAD"))
	fmt.Printf("%q\n", colour.Painter(false).Red("DEAD"))
	// Output:
	// "\x1b[1;31mDEAD\x1b[0m"
	// "DEAD"
}

func TestForFileIsPlain(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := colour.For(file); got {
		t.Errorf("For(a file): got %v, want false: what is not a terminal gets no colours", got)
	}
}

func TestForHeedsTheUser(t *testing.T) {
	// A character device stands for a terminal.
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, tt := range []struct {
		name, noColor, term string
		want                colour.Painter
	}{
		{"a terminal", "", "xterm", true},
		{"NO_COLOR", "1", "xterm", false},
		{"a dumb terminal", "", "dumb", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", tt.noColor)
			t.Setenv("TERM", tt.term)
			if got := colour.For(device); got != tt.want {
				t.Errorf("For: got %v, want %v", got, tt.want)
			}
		})
	}
}
