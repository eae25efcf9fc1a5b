package baileytest

import "sync"

// maxTail is how much of the log is kept, in bytes.
const maxTail = 64 << 10

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte // up to 2*maxTail
	cut  bool
}

// Write implements [io.Writer].
func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if len(l.text) > 2*maxTail {
		l.text = append(l.text[:0], l.text[len(l.text)-maxTail:]...)
		l.cut = true
	}
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return "...\n" + string(l.text)
	}
	return string(l.text)
}
