package ui

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"imsrevoke/batch"
)

// TestBarFitsTheTerminal: whatever the width, and when it changes, the bar keeps
// to one line and does not lose how far the run is.
func TestBarFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var columns atomic.Int64
	columns.Store(100)
	var out bytes.Buffer
	c := &Console{Stderr: &out, Terminal: true, Redraws: true, Width: func() int { return int(columns.Load()) }}
	p := c.StartProgress("auto", "verify", 2000)
	defer p.Finish()
	for range 1234 {
		p.add(batch.Revoked)
	}
	for _, outcome := range batch.Outcomes() {
		p.add(outcome)
	}
	p.Event("waiting until 15:04:05: cannot connect to 192.0.2.1:9292: connection refused")
	for _, width := range []int64{100, 61, 60, 59, 40, 20, 80, 0} {
		columns.Store(width)
		_ = p.bar.String() // takes over the width
		line := strings.TrimRight(p.bar.String(), " ")
		most := width
		if width == 0 {
			most = 80
		}
		if got := utf8.RuneCountInString(line); got > int(most) {
			t.Errorf("%d columns: %d in %q", width, got, line)
		}
		if !strings.HasPrefix(line, fmt.Sprintf("verify %d / 2000 ", 1234+len(batch.Outcomes()))) {
			t.Errorf("%d columns: %q", width, line)
		}
		if strings.ContainsAny(line, "\x1b\n") {
			t.Errorf("%d columns: colours or lines in %q", width, line)
		}
	}
}

// TestNoRateBeforeItMeansSomething: the first rows come in a burst, so that a rate
// would look as if the limit were broken.
func TestNoRateBeforeItMeansSomething(t *testing.T) {
	t.Parallel()
	c := &Console{Stderr: &bytes.Buffer{}, Terminal: true, Redraws: true, Width: func() int { return 100 }}
	p := c.StartProgress("auto", "", 100)
	defer p.Finish()
	p.started = time.Now().Add(time.Hour)
	for range 50 {
		p.add(batch.Revoked)
	}
	if line := p.bar.String(); strings.Contains(line, "/s") {
		t.Errorf("at the start: %q", line)
	}
	p.started = time.Now().Add(-time.Hour)
	if line := p.bar.String(); !strings.Contains(line, "/s") {
		t.Errorf("later: %q", line)
	}
	for range 50 {
		p.add(batch.Revoked)
	}
	if line := p.bar.String(); strings.Contains(line, "/s") {
		t.Errorf("at the end: %q", line)
	}
}

// TestABarCostsNoAllocation: what it shows is put into words when it is drawn, some
// times a second, and not for each row.
func TestABarCostsNoAllocation(t *testing.T) {
	var out bytes.Buffer
	c := &Console{Stderr: &out, Terminal: true, Redraws: true, Width: func() int { return 80 }}
	p := c.StartProgress("auto", "", 1<<20)
	defer p.Finish()
	p.add(batch.Revoked)
	if n := testing.AllocsPerRun(1000, func() { p.add(batch.Revoked); p.Event("") }); n >= 1 {
		t.Errorf("%v allocations for a row", n)
	}
}

func TestPlanFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		80: "  file      pairs.csv (utf-8, two  blanks)\n",
		30: "  file      pairs.csv (utf-8,\n    two  blanks)\n",
		10: "  file     \n    pairs.csv\n    (utf-8,\n    two \n    blanks)\n",
	} {
		c := &Console{Width: func() int { return width }}
		if got := c.wrapped("  file     ", "pairs.csv (utf-8, two  blanks)", planIndent); got != want {
			t.Errorf("%d columns:\n%q, want\n%q", width, got, want)
		}
	}
}
