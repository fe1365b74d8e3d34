package job

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// plan is a dry run: every row is validated, nothing is sent. It says what it has
// found even where nothing is wrong: that is what it was started for.
func (r *run) plan(ctx context.Context) error {
	o, m := r.options, r.manifest
	out := outputsOf(r.Environment, []string{r.input.path}, o)
	file := out.Add(output.File{Kind: report.KindReport, Path: o.Output.Report, Flag: "--report", Replaces: o.Output.Overwrite, Advice: "name another file with --report, or replace it with --overwrite"})
	if err := out.Check(); err != nil {
		return err
	}
	r.started = time.Now()
	s := ui.Summary{Input: m.Name, WholeRows: m.WholeRows, NotProjects: m.NotProjects.N, Digest: m.Digest, DryRun: true, Started: r.started}
	s.LeftOut, s.LeftOutNote = r.undo.leavesOut(m.Name)
	var notes []string
	var err error
	if o.Action.Online {
		notes, err = r.planOnline(ctx, file, &s)
	} else {
		plan := &report.CSV{Plan: r.input.plan, Rest: batch.Planned}
		s.Tally, err = writePlan(plan, o.Output.Report, file)
		if err == nil && s.Tally.Outcomes[batch.Invalid] > 0 {
			err = exit.ErrUnsettled
		}
	}
	if s.Tally == nil {
		return err
	}
	s.Report = o.Output.Report
	if o.Display.Summary == "text" {
		r.ShowFile(m, o.chosen())
	}
	if r.Terminal {
		profile, e := m.Profile(ctx, r.input.rows(), "")
		if e != nil {
			return errors.Join(err, e)
		}
		notes = slices.Concat(r.undo.notes(), ui.Unusual(m, profile), notes)
	}
	if o.Display.Summary == "text" {
		r.ShowNotes(append(r.Warnings(), notes...))
	}
	return r.conclude(s, err)
}

// writePlan writes the report of a dry run, if one was asked for.
func writePlan(plan *report.CSV, path string, file *output.File) (*report.Tally, error) {
	if path == "" {
		return plan.Write(io.Discard)
	}
	tally, err := plan.WriteFile(path)
	if err != nil {
		return nil, file.CannotWrite(err)
	}
	return tally, nil
}
