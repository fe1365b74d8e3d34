package manifest

import (
	"errors"
	"fmt"
	"strings"
)

// ErrChanged refuses a file that was written to while it was read.
var ErrChanged = errors.New("the file changed while it was read; run again once nothing writes to it")

// An Error says why a file is refused, and what its user can do about it.
type Error struct {
	// Path is the file's name, as in [Manifest.Name].
	Path string
	// Line is the physical line, from 1; 0 if the problem has none.
	Line    int
	Problem string
	Hint    string
	// Err is the underlying error, or nil.
	Err error
}

// Error returns "path: line N: problem; hint", without the parts that are empty.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	if e.Line > 0 {
		fmt.Fprintf(&b, ": line %d", e.Line)
	}
	b.WriteString(": " + e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

func (m *Manifest) refuse(line int, problem, hint string) *Error {
	return &Error{Path: m.Name, Line: line, Problem: problem, Hint: hint}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
