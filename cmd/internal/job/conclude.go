package job

import (
	"fmt"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// writeReport makes the report of the journal. Rows without a result are those that
// the run did not get to. If the rows were verified, it counts those that were not
// looked up.
func (r *run) writeReport(verified bool) (*report.Tally, error) {
	if err := r.files.MayWrite(r.files.reportFile); err != nil {
		return nil, err
	}
	tally, err := (&report.CSV{Journal: r.journal}).WriteFile(r.files.report)
	if err != nil || !verified {
		return tally, err
	}
	if rest := tally.Rows - tally.Verified[report.Gone] - tally.Verified[report.StillShared]; rest > 0 {
		tally.Verified[""] = rest
	}
	return tally, nil
}

// unreported is the error for a report, or a journal's end, that could not be
// written. It says where what is known is kept, if it is.
func (r *run) unreported(what, name string, err error) error {
	if r.files.journal == "" {
		return exit.CannotWrite("the report", r.files.report, err, otherReport)
	}
	saved, e := r.journal.SurvivingCopy()
	if e != nil {
		return exit.CannotWrite(what, name, err, fmt.Sprintf("and the journal cannot be saved: %v", exit.WithoutPath(e)))
	}
	return exit.CannotWrite(what, name, err, "what is known is in "+saved)
}

// summary is what is known of the run when its last request has ended.
func (r *run) summary(whole *report.Run) ui.Summary {
	s := ui.Summary{
		Input:       r.manifest.Name,
		WholeRows:   r.manifest.WholeRows,
		NotProjects: r.manifest.NotProjects.N,
		Digest:      r.manifest.Digest,
		Rows:        r.manifest.Rows,
		Report:      r.files.report,
		Journal:     r.files.journal,
		Endpoint:    whole.Endpoint,
		Project:     whole.Project,
		Started:     whole.Started,
		Parts:       len(whole.Parts),
		Idle:        whole.Idle(),
		Counts:      whole.Sent(),
	}
	s.LeftOut, s.LeftOutNote = r.undo.leavesOut(s.Input)
	return s
}

// conclude tells how a run ended, in the way that was asked for, and returns
// err for the exit code.
func (r *run) conclude(s ui.Summary, err error) error {
	o := r.options
	s.Finished = time.Now()
	s.DurationMS = s.Took().Milliseconds()
	s.Started, s.Finished = s.Started.UTC(), s.Finished.UTC()
	if s.Tally != nil {
		s.Rows, s.Settled, s.Outcomes = s.Tally.Rows, s.Tally.Settled(), s.Tally.Outcomes
		s.Verified, s.AlsoShared = s.Tally.Verified, s.Tally.AlsoShared
	} else {
		s.Report = ""
	}
	s.Requests, s.Throttled, s.Limit = s.Counts.Requests, s.Counts.Throttled, s.Counts.Limit
	s.Shard, s.Chosen = o.Selection.Shard.String(), o.chosen()
	if pace := o.pace(); pace != batch.Unlimited {
		s.Rate = float64(pace)
	}
	s.ExitCode = r.ExitCode(err)
	r.Monitor.SetSummary(&s)
	if s.Journal != "" && s.MayResume(err) {
		s.Next = r.ResumeCommand()
	}
	if err != nil {
		s.Stopped = err.Error()
	}
	if o.Display.Summary == "json" {
		if e := r.WriteJSON(s); e != nil {
			advice := ""
			if s.Report != "" {
				advice = "the report is complete: " + s.Report
			}
			e = exit.CannotWrite("the summary", "standard output", e, advice)
			if err != nil { // which says more of the run
				e = fmt.Errorf("%w\n%v", err, e)
			}
			return e
		}
	}
	if o.Display.Summary == "text" && (r.Terminal || err != nil || s.DryRun && s.Requests > 0) {
		r.ShowSummary(&s, err)
	}
	if err == nil {
		if len(s.AlsoShared) > 0 && !r.Terminal {
			r.Log.Warn(s.AlsoShared[0].String(), "images", len(s.AlsoShared))
		}
		return nil
	}
	return exit.MarkReported(err)
}
