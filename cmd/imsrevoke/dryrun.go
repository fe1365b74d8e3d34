package main

import (
	"io"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

// planFile is a dry run: every row is judged, nothing is sent.
func (c *cli) planFile(m *manifest.Manifest, o *runOptions) error {
	plan := &report.CSV{Input: m.Reader(), Columns: m.Columns, Rows: m.Rows, Rest: batch.Planned}
	s := summary{Input: m.Name, DryRun: true, Started: time.Now()}
	var err error
	if o.report == "" {
		s.tally, err = plan.Write(io.Discard)
	} else {
		s.Report = o.report
		exists, e := regularFile(o.report)
		switch {
		case e != nil:
			err = e
		case exists && !o.overwrite:
			err = existsError(o.report)
		default:
			s.tally, err = plan.WriteFile(o.report)
		}
	}
	if err != nil {
		return err
	}
	if s.tally.Outcomes[batch.Invalid] > 0 {
		err = errUnsettled
	}
	return c.conclude(s, err, o)
}
