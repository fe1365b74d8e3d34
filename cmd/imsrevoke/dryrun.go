package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

// planFile is a dry run: every row is judged, nothing is sent. It says what it
// has found even where nothing is wrong: that is what it was started for.
func (c *cli) planFile(ctx context.Context, m *manifest.Manifest, input string, o *runOptions, w *work) error {
	out := c.newOutputs(append(slices.Clone(o.keep), input)...)
	file := out.add(output{report.KindReport, o.report, "--report", o.overwrite, "name another file with --report, or replace it with --overwrite"})
	if err := out.judge(); err != nil {
		return err
	}
	plan := &report.CSV{Input: m.Reader(), Columns: m.Columns, Rows: m.Rows, Rest: batch.Planned}
	s := summary{Input: m.Name, WholeRows: m.WholeRows, NotProjects: m.NotProjects.N, Digest: m.Digest, DryRun: true, Started: time.Now()}
	s.LeftOut, s.leftOut = w.leavesOut(m.Name)
	var err error
	if o.report == "" {
		s.tally, err = plan.Write(io.Discard)
	} else if s.tally, err = plan.WriteFile(o.report); err != nil {
		err = file.cannotWrite(err)
	}
	if err != nil {
		return err
	}
	s.Report = o.report
	if o.summary.word == "text" {
		var b strings.Builder
		line := c.planLine(&b)
		describeFile(m, o, line)
		line("not sent", "%d invalid, %d duplicate", m.Invalid, m.Duplicates)
		if c.terminal {
			b.WriteString("\n")
		}
		fmt.Fprint(c.stderr, b.String())
	}
	if c.terminal {
		profile, err := m.Profile(ctx, "")
		if err != nil {
			return err
		}
		c.showNotes(append(w.notes(), unusual(m, profile)...))
	}
	if s.tally.Outcomes[batch.Invalid] > 0 {
		err = errUnsettled
	}
	return c.conclude(s, err, o)
}
