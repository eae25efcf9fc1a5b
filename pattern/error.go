package pattern

// Error says why a pattern is refused.
type Error struct {
	// Reason is the compiler's reason, word for word as AWS gives it, without
	// the position in the pattern that AWS appends to most reasons.
	Reason string

	// Line and Column say where in the pattern reading stopped, counted from
	// one in UTF-16 units as AWS counts them. Both are zero for a reason that
	// has no place in the text.
	Line, Column int

	internal bool // AWS fails

	// place is the position as AWS appends it, twice where its parser does.
	place string
}

// Code returns the code of AWS's error: InvalidEventPatternException, or
// InternalFailure where its compiler fails.
func (e *Error) Code() string {
	if e.internal {
		return "InternalFailure"
	}
	return "InvalidEventPatternException"
}

// Error returns the message of AWS's InvalidEventPatternException, in one line:
// without the position. Where AWS says nothing it says what is wrong.
func (e *Error) Error() string {
	return "Event pattern is not valid. Reason: " + e.Reason
}

// Message returns the whole of the message that AWS answers with. After the
// line that [Error.Error] returns it has, for a reason with a place in the
// text, a line with the pattern and that place. It is empty for an
// InternalFailure.
func (e *Error) Message() string {
	if e.internal {
		return ""
	}
	return e.Error() + e.place
}
