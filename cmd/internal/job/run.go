// Package job is a job from the file to the report: validate the input, name the
// outputs, connect, show the plan and ask, execute, verify, report.
package job

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// A run is one run of a file against a cloud.
type run struct {
	*Environment
	verb     verb
	undo     *undoing // nil unless shares are restored
	options  *Options
	input    *input
	manifest *manifest.Manifest // of the input
	files    *files
	session  *cloud.Session
	started  time.Time
	journal  *report.Journal
	// rest is how many rows no earlier run has settled, toSend how many of them
	// need a request.
	rest, toSend int
}

// confirmAndExecute opens the journal of an earlier run, if there is one, shows what is
// to be done, asks, and does it.
func (r *run) confirmAndExecute(ctx context.Context) error {
	var err error
	if r.files.resumes {
		if err := r.openJournal(); err != nil {
			return err
		}
		if r.journal != nil {
			defer r.journal.Close()
		}
	}
	r.rest, r.toSend = r.manifest.Rows, r.manifest.Valid
	if r.journal != nil {
		settled, unsent := r.journal.Settled()
		r.rest -= settled + unsent
		r.toSend -= settled
	}
	if r.Terminal {
		r.showPlan()
	}
	asks := !r.options.Action.Yes && r.toSend > 0
	var unusual []string
	if asks {
		if unusual, err = r.unusual(ctx); err != nil {
			return err
		}
	}
	r.ShowNotes(append(r.Warnings(), unusual...))
	if asks {
		if err := r.Ask(ctx, r.verb.infinitive, r.toSend); err != nil {
			return err
		}
	}
	r.started = time.Now()
	if r.journal != nil {
		if err := r.journal.Continue(r.identity()); err != nil {
			return exit.CannotWrite("the journal", r.files.journal, err, otherReport)
		}
		return r.execute(ctx)
	}
	if r.journal, err = r.createJournal(); err != nil {
		return err
	}
	defer r.journal.Close()
	return r.execute(ctx)
}

// remaining are the rows that no earlier run has settled.
func (r *run) remaining() batch.Source {
	if r.journal == nil {
		return r.input.rows()
	}
	return r.journal.Remaining()
}

// showPlan shows what is about to happen.
func (r *run) showPlan() {
	p := &ui.Plan{
		Infinitive: r.verb.infinitive,
		ToSend:     r.toSend,
		File:       r.manifest,
		Chosen:     r.options.chosen(),
		Undoes:     r.undo.entries(r.manifest.Name),
		Cloud:      r.session,
		Rate:       r.options.pace(),
		Faster:     r.options.faster(),
		Workers:    r.options.Limits.Workers,
		Report:     r.files.report,
	}
	if r.journal != nil {
		p.Journal, p.Settled = r.files.journal, r.manifest.Rows-r.rest
	}
	r.ShowPlan(p)
}

// unusual is what a person may want to look at before saying yes.
func (r *run) unusual(ctx context.Context) ([]string, error) {
	projectID, _ := r.session.Project()
	p, err := r.manifest.Profile(ctx, r.input.rows(), projectID)
	if err != nil {
		return nil, err
	}
	notes := slices.Concat(r.undo.notes(), r.undo.differences(r.identity()), ui.Unusual(r.manifest, p))
	if r.verb.Operation == batch.Revoke {
		found, err := r.survey(ctx, p.Images)
		if err != nil {
			return nil, err
		}
		notes = append(notes, found...)
	}
	return notes, nil
}

// lock takes the lock that the flags name, or else the one of the endpoint, the
// project and the shard.
func (r *run) lock() (*output.Lock, error) {
	projectID, _ := r.session.Project()
	name := output.LockName(r.session.Endpoint().String(), projectID, r.options.Selection.Shard.String())
	return r.files.TakeLock(r.files.lockFile, name, r.Getenv, r.files.report)
}

// startProgress shows how far the run is with so many rows.
func (r *run) startProgress(what string, rows int) *ui.Progress {
	return r.StartProgress(r.options.Display.Progress, what, rows)
}

// job is the job within the limits of the run, at its pace.
func (r *run) job(bar *ui.Progress) *batch.Job {
	return r.options.Limits.Watched(r.options.pace(), r.session, r.Log, bar)
}

// execute does the work and writes the report, and tells how it went.
func (r *run) execute(ctx context.Context) error {
	// Garbage is collected when the heap has doubled, which the small one of a
	// run does some fifty times a second. With this, which is never touched
	// and so takes no memory, it does a fifth of that.
	ballast := make([]byte, 8<<20)
	defer runtime.KeepAlive(ballast)
	api, closeAPI := OpenAPI(r.session, r.options.Limits.Workers)
	defer closeAPI()
	r.Underway.Start(r.files.journal)
	r.Monitor.Start(ctx)
	bar := r.startProgress(r.part(), r.rest)
	job := r.job(bar)
	job.Pace = &batch.Pace{}
	job.Settled, _ = r.journal.Settled()
	sent, stopped := job.Run(ctx, r.verb.Operation, r.journal.Remaining(), api, bar.Recorder(r.journal))
	bar.Finish()
	if errors.Is(stopped, batch.ErrMisconfigured) && !r.files.resumes {
		// Nothing has happened that a report could tell of, and a journal would
		// only be in the way of the corrected command.
		return errors.Join(stopped, r.journal.Discard())
	}
	err := r.journal.End(r.stopOf(stopped), sent)
	verified := r.options.Action.Verify && stopped == nil && err == nil
	if verified {
		var more batch.Summary
		more, stopped = r.verify(ctx, api, job)
		if errors.Is(stopped, batch.ErrMisconfigured) && sent.Requests > 0 { // the set-up was good before
			stopped = fmt.Errorf("%w: %v", batch.ErrOutage, stopped)
		}
		sent.Add(more)
		err = r.journal.End(r.stopOf(stopped), sent)
	}
	whole := r.whole(sent)
	s := r.summary(&whole)
	if err != nil {
		return r.conclude(s, errors.Join(stopped, r.unreported("the journal", r.files.journal, err)))
	}
	if s.Tally, err = r.writeReport(verified); err != nil {
		return r.conclude(s, errors.Join(stopped, r.unreported("the report", r.files.report, err)))
	}
	s.ReportDigest, whole.ReportDigest = s.Tally.Digest, s.Tally.Digest
	if r.files.journal != "" {
		if err := r.journal.Reported(s.ReportDigest); err != nil {
			err = exit.CannotWrite("the journal", r.files.journal, err, "the report is complete: "+r.files.report)
			return r.conclude(s, errors.Join(stopped, err))
		}
	}
	if stopped == nil && s.Tally.Settled() < s.Tally.Rows {
		stopped = exit.ErrUnsettled
	}
	s.HTML, stopped = r.writePage(stopped, &whole)
	return r.conclude(s, stopped)
}

// part says in the bar that not all rows of the file are counted there.
func (r *run) part() string {
	if r.rest < r.manifest.Rows {
		return "remaining"
	}
	return ""
}
