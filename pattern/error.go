package pattern

// Error says why a pattern is refused. Its Error text is the message of
// AWS's InvalidEventPatternException.
type Error struct {
	// Reason is the compiler's reason, word for word as AWS gives it, without
	// the position in the pattern that AWS appends to some reasons.
	Reason string

	// Line and Column say where in the pattern reading stopped, counted from
	// one in UTF-16 units as AWS counts them. Both are zero for a reason that
	// has no place in the text.
	Line, Column int
}

// Error returns the message AWS answers with.
func (e *Error) Error() string {
	return "Event pattern is not valid. Reason: " + e.Reason
}
