package ui

import (
	"bytes"
	"fmt"
	"testing"
)

// TestLinesGoAboveTheBar: what is written while a line is drawn takes its place, and
// does not continue it.
func TestLinesGoAboveTheBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &Console{Stderr: &out, Stdout: &out}
	c.Guard()
	bar := c.drawing()
	fmt.Fprint(bar, "\r1 / 2 [=>]")
	c.Say("a warning")
	fmt.Fprint(bar, "\r2 / 2 [==]\n")
	c.Say("the summary")
	if got, want := out.String(), "\r1 / 2 [=>]\r          \ra warning\n\r2 / 2 [==]\nthe summary\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
