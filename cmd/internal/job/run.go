// Package job is a job from the file to the report: validate the input, name the
// outputs, connect, show the plan and ask, execute, verify, report.
package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/cmd/internal/version"
	"imsrevoke/report"
)

// Revoke is the verb run: it revokes every share that the input lists.
func Revoke(ctx context.Context, e *Environment, input string, o *Options) error {
	return change(ctx, e, input, o, revoke, nil)
}

// change is a verb that changes something: validate the file, connect, ask, send,
// report.
func change(ctx context.Context, e *Environment, input string, o *Options, v verb, u *undoing) error {
	in, err := openInput(ctx, e, input, o, v, u)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := o.Approval.judgeRows(in.manifest, &o.Selection); err != nil {
		return err
	}
	e.WarnOfFile(in.manifest, e.Log)
	r := &run{Environment: e, verb: v, undo: u, options: o, input: in, manifest: in.manifest}
	if o.Action.DryRun {
		return r.plan(ctx)
	}
	if r.files, err = filesFor(e, in, v, o); err != nil {
		return err
	}
	if !o.Action.Yes && !e.Interactive {
		return exit.WithHint(errors.New("cannot ask for confirmation without a terminal"), "add --yes to "+v.infinitive+" the shares without being asked")
	}
	if u != nil && u.unproven != nil && o.Action.Yes && !o.Action.TrustReport {
		return exit.WithHint(fmt.Errorf("cannot prove what %s says: %w", input, u.unproven), "put the journal beside it, or trust the report with --trust-report")
	}
	if r.session, err = o.Connection.Connect(ctx, e); err != nil {
		return err
	}
	if err := o.Approval.judgeProject(r.session); err != nil {
		return err
	}
	lock, err := r.lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	return r.confirmAndExecute(ctx)
}

// Check is the verb check: it changes nothing and can be done again, so that its
// journal is a temporary one, where there is room for its report.
func Check(ctx context.Context, e *Environment, input string, o *Options) error {
	in, err := openInput(ctx, e, input, o, check, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	e.WarnOfFile(in.manifest, e.Log)
	r := &run{Environment: e, verb: check, options: o, input: in, manifest: in.manifest, rest: in.manifest.Rows}
	if r.files, err = filesFor(e, in, check, o); err != nil {
		return err
	}
	if r.session, err = o.Connection.Connect(ctx, e); err != nil {
		return err
	}
	e.ShowNotes(e.Warnings())
	r.started = time.Now()
	if r.journal, err = report.TempJournal(in.plan, r.identity()); err != nil {
		return exit.CannotWrite("the report", r.files.report, err, otherReport)
	}
	defer r.journal.Close()
	return r.execute(ctx)
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

// openKeepLists reads the files of --keep.
func openKeepLists(ctx context.Context, e *Environment, paths []string) (lists []*manifest.AllowList, err error) {
	for _, path := range paths {
		list, err := manifest.OpenAllowList(ctx, path, manifest.Options{Stdin: e.Input(ctx)})
		if err != nil {
			return nil, fmt.Errorf("--keep: %w", err)
		}
		if list.Entries == 0 {
			return nil, exit.WithHint(fmt.Errorf("--keep %s: it has no entries, so it protects nothing", list.Name), "leave it out, or name the right file")
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// protected refuses a file that names protected shares: it is the wrong one, or the
// list is.
func protected(m *manifest.Manifest) error {
	first := m.ProtectedRows[0]
	lines := make([]string, len(m.ProtectedRows))
	for i, p := range m.ProtectedRows {
		lines[i] = fmt.Sprint(p.Line)
	}
	if m.Protected > len(lines) {
		lines = append(lines, "…")
	}
	word := "line"
	if m.Protected > 1 {
		word = "lines"
	}
	return fmt.Errorf("%s names %s that must be kept, on %s %s (line %d: %s protects the image %s for the member %s): nothing was sent; check both files",
		m.Name, ui.Plural(m.Protected, "share"), word, strings.Join(lines, ", "), first.Line, first.List, first.Pair.ImageID, first.Pair.MemberID)
}

// firstInvalid describes the invalid rows of m by the first of them.
func firstInvalid(m *manifest.Manifest) error {
	if m.Invalid == 0 {
		return fmt.Errorf("%s in other shards", ui.Plural(m.UncutInvalid, "invalid row"))
	}
	return fmt.Errorf("%s, the first on line %d: %s", ui.Plural(m.Invalid, "invalid row"), m.FirstInvalid.Line, m.FirstInvalid.Problem)
}

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

// whole is the run with all its parts, this one being the last, which has sent so
// much.
func (r *run) whole(sent batch.Summary) report.Run {
	return r.identity().GoesOn(r.journal.Earlier(), report.Part{Started: r.started.UTC(), Finished: time.Now().UTC(), Summary: sent})
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

// unreported is the error for a report, or a journal's end, that could not be
// written. It says where what is known is kept, if it is.
func (r *run) unreported(what, name string, err error) error {
	if r.files.journal == "" {
		return exit.CannotWrite("the report", r.files.report, err, otherReport)
	}
	saved, e := r.journal.Saved()
	if e != nil {
		return exit.CannotWrite(what, name, err, fmt.Sprintf("and the journal cannot be saved: %v", exit.WithoutPath(e)))
	}
	return exit.CannotWrite(what, name, err, "what is known is in "+saved)
}

// identity says which run this is.
func (r *run) identity() report.Run {
	projectID, _ := r.session.Project()
	identity := report.Run{
		Verb:        r.verb.Name,
		Input:       r.manifest.Name,
		Digest:      r.manifest.Digest,
		Rows:        r.manifest.Rows,
		Shard:       r.options.Selection.Shard.String(),
		Endpoint:    r.session.Endpoint().String(),
		Project:     projectID,
		Credentials: r.session.Method(),
		Version:     version.Program(),
		Started:     r.started.UTC(),
	}
	if r.options.Selection.chooses() {
		identity.WholeRows, identity.WholeDigest = r.manifest.WholeRows, r.manifest.WholeDigest
	}
	r.options.Approval.record(&identity)
	identity.Keep = r.manifest.Keep
	identity.Plan, _ = json.Marshal(r.manifest) // a struct of numbers and texts
	if r.input.journal != nil {
		then := r.input.journal.Run()
		identity.WholeRows, identity.WholeDigest = then.WholeRows, then.WholeDigest
	}
	if u, err := user.Current(); err == nil {
		identity.User = u.Username
	}
	identity.Host, _ = os.Hostname()
	return identity
}

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

// stopOf is how a run was stopped, for its journal.
func (r *run) stopOf(err error) report.Stop {
	if err == nil {
		return report.Stop{}
	}
	return report.Stop{
		Reason: err.Error(), Unreached: "the run stopped before this row: " + exit.Reason(err).Error(), ExitCode: r.ExitCode(err), At: time.Now(),
	}
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
