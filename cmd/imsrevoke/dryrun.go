package main

import (
	"context"
	"errors"
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
	s := summary{Input: m.Name, WholeRows: m.WholeRows, NotProjects: m.NotProjects.N, Digest: m.Digest, DryRun: true, Started: time.Now()}
	s.LeftOut, s.leftOut = w.leavesOut(m.Name)
	var notes []string
	var err error
	if o.online {
		r := &run{cli: c, work: *w, options: o, log: c.logger(o.logLevel.word, o.logFormat.word), manifest: m, started: s.Started}
		notes, err = r.planOnline(ctx, file, &s)
	} else {
		plan := &report.CSV{Input: m.Reader(), Columns: m.Columns, Rows: m.Rows, Rest: batch.Planned}
		s.tally, err = writePlan(plan, o.report, file)
		if err == nil && s.tally.Outcomes[batch.Invalid] > 0 {
			err = errUnsettled
		}
	}
	if s.tally == nil {
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
		profile, e := m.Profile(ctx, "")
		if e != nil {
			return errors.Join(err, e)
		}
		notes = slices.Concat(w.notes(), unusual(m, profile), notes)
	}
	if o.summary.word == "text" {
		c.showNotes(notes)
	}
	return c.conclude(s, err, o)
}

// writePlan writes the report of a dry run, if one was asked for.
func writePlan(plan *report.CSV, path string, file *output) (*report.Tally, error) {
	if path == "" {
		return plan.Write(io.Discard)
	}
	tally, err := plan.WriteFile(path)
	if err != nil {
		return nil, file.cannotWrite(err)
	}
	return tally, nil
}
