// Package ui is what people see: plan, question, progress, summary, log, and the words
// for numbers and durations.
package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"imsrevoke/batch/plain"
)

// How imsrevoke talks:
//
//   - Standard output holds what was asked for, and nothing else.
//   - Standard error is for people. On a terminal it shows what is about to
//     happen, how far it is, and how it ended. Elsewhere it stays empty when
//     all went well, so that cron has nothing to mail.
//   - What others have written (a server, a file, another user) is text there, and
//     on a terminal in standard output, too: it steers nothing, and a line that
//     holds it is one line. See [plain.Writer] and Console.Say.
//   - A message of an error begins with "imsrevoke: ", in lower case and
//     without a full stop at its end, and says what to do where it can.

// A Console is the standard streams, and what is known of the terminal behind
// them.
type Console struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal says that standard error is shown to a person, Interactive that
	// this person can also answer.
	Terminal, Interactive bool
	// OutputShown says that standard output is shown on a terminal.
	OutputShown bool
	// Redraws says that the terminal can show a line anew.
	Redraws bool
	// Width is that of the terminal in columns, 0 when it is not known.
	Width func() int

	warnings warnings
}

// NewConsole returns the console of this process.
func NewConsole() Console {
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	return Console{
		Stdin:       os.Stdin,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		Terminal:    terminal,
		Interactive: terminal && term.IsTerminal(int(os.Stdin.Fd())),
		OutputShown: term.IsTerminal(int(os.Stdout.Fd())),
		Redraws:     terminal && os.Getenv("TERM") != "dumb",
		Width: func() int {
			width, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0
			}
			return width
		},
	}
}

// Columns is the width that lines are made for.
func (c *Console) Columns() int {
	const usual = 80
	if width := c.Width(); width > 0 {
		return width
	}
	return usual
}

// Guard makes what others have written text on standard error, and on a terminal
// in standard output. It returns a function for the first error of standard
// output, so that output which nobody looked after is not lost in silence.
func (c *Console) Guard() (failure func() error) {
	c.Stderr = plain.NewWriter(&screen{w: c.Stderr})
	if c.OutputShown {
		c.Stdout = plain.NewWriter(c.Stdout)
	}
	out := &checkedWriter{w: c.Stdout}
	c.Stdout = out
	return func() error { return out.err }
}

// Say writes one line to standard error, whatever its parts hold.
func (c *Console) Say(format string, args ...any) {
	fmt.Fprintln(c.Stderr, plain.Line(fmt.Sprintf(format, args...)))
}

// WriteJSON writes a value to standard output, for programs.
func (c *Console) WriteJSON(v any) error {
	encoder := json.NewEncoder(c.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// Complain writes the message of an error to standard error.
func (c *Console) Complain(err error) { fmt.Fprint(c.Stderr, c.complaint("imsrevoke:", err)) }

// complaint is the message of an error, whose further lines cannot be taken for
// lines of their own, wrapped on a terminal.
func (c *Console) complaint(name string, err error) string {
	var b strings.Builder
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if c.Terminal {
			b.WriteString(c.wrapped(name, line, "    "))
		} else {
			b.WriteString(name + " " + line + "\n")
		}
		name = " " // with which the indent is two blanks
	}
	return b.String()
}

// A checkedWriter keeps its first error.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// Unwrap returns the writer beneath.
func (c *checkedWriter) Unwrap() io.Writer { return c.w }
