package main

import (
	"context"
	"io"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

// planFile is a dry run: every row is judged, nothing is sent.
func (c *cli) planFile(ctx context.Context, m *manifest.Manifest, input string, o *runOptions, w *work) error {
	plan := &report.CSV{Input: m.Reader(), Columns: m.Columns, Rows: m.Rows, Rest: batch.Planned}
	s := summary{Input: m.Name, WholeRows: m.WholeRows, DryRun: true, Started: time.Now()}
	s.LeftOut, s.leftOut = w.leavesOut(m.Name)
	var err error
	if o.report == "" {
		s.tally, err = plan.Write(io.Discard)
	} else {
		s.Report = o.report
		s.tally, err = writePlan(plan, input, o)
	}
	if err != nil {
		return err
	}
	if c.terminal {
		profile, err := m.Profile(ctx, "")
		if err != nil {
			return err
		}
		c.showNotes(unusual(m, profile))
	}
	if s.tally.Outcomes[batch.Invalid] > 0 {
		err = errUnsettled
	}
	return c.conclude(s, err, o)
}

// writePlan writes the report of a dry run.
func writePlan(plan *report.CSV, input string, o *runOptions) (*report.Tally, error) {
	exists, err := occupied(o.report, input)
	if err != nil {
		return nil, err
	}
	if exists && !o.overwrite {
		return nil, existsError(o.report)
	}
	tally, err := plan.WriteFile(o.report)
	if err != nil {
		return nil, cannotWrite("the report", o.report, err, otherReport)
	}
	return tally, nil
}
