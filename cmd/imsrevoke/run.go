package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

func (c *cli) runCommand() *cobra.Command {
	o := newRunOptions()
	cmd := &cobra.Command{
		Use:   "run PAIRS.csv",
		Short: "Revoke every share that a file lists",
		Long: `Run revokes every image/member pair of a CSV file and writes a report with
one row for each row of the file. "-" reads standard input.

The whole file is read and judged before anything is sent. On a terminal run
shows what it is about to do and asks; elsewhere it needs --yes.

An image id is a UUID and a member id a project id, in any spelling: with or
without dashes, in upper case, in braces. Any other member id is taken for a
member with that very name; names of projects are not looked up.

Each flag can also be set by a variable of the environment: --max-rows by
IMSREVOKE_MAX_ROWS. A flag wins.

The exit code is 0 when every row is settled, 1 when a row is not, 2 when
nothing was sent, 3 when a limit has stopped the run, 4 when the credentials are
refused, 5 when the report cannot be written, 75 when another run holds the lock,
and 129, 130 or 143 after a signal.`,
		Example: `  imsrevoke run pairs.csv --os-cloud prod
  imsrevoke run audit.csv --rate 180/m --max-rows 5000 --yes
  OS_TOKEN=... imsrevoke run pairs.csv --endpoint https://image.example.com
  imsrevoke run pairs.csv --auth aksk --region cn-north-4`,
		Args:              oneFile,
		ValidArgsFunction: completeFile("csv"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.monitored(cmd.Context(), "run", o, func(c *cli) error { return c.runFile(cmd.Context(), args[0], o) })
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// oneFile demands the one argument of a verb that reads a file.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return withHint(fmt.Errorf("expected one CSV file (or - for standard input), got %d", len(args)), seeHelp(cmd))
}

// runFile is the verb run.
func (c *cli) runFile(ctx context.Context, input string, o *runOptions) error {
	return c.workOn(ctx, input, o, revoking)
}

// workOn is a verb that changes something: judge the file, connect, ask, send,
// report.
func (c *cli) workOn(ctx context.Context, input string, o *runOptions, w work) error {
	if err := errors.Join(o.validate(), o.shard.complete(c.getenv)); err != nil {
		return err
	}
	log := c.logger(o.logLevel.word, o.logFormat.word)
	m, err := c.openManifest(ctx, input, o)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := errors.Join(o.approval.judgeRows(m, o), w.prove(m)); err != nil {
		return err
	}
	c.warnOfFile(m, log)
	if o.dryRun {
		return c.planFile(ctx, m, input, o, &w)
	}
	f, err := c.filesFor(input, w, o)
	if err != nil {
		return err
	}
	if !o.yes && !c.interactive {
		return withHint(errors.New("cannot ask for confirmation without a terminal"), "add --yes to "+w.infinitive+" the shares without being asked")
	}
	if w.unproved != nil && o.yes && !o.trustReport {
		return fmt.Errorf("cannot prove what %s says: %w; put the journal beside it, or trust the report with --trust-report", input, w.unproved)
	}
	session, err := c.connect(ctx, o, log)
	if err != nil {
		return err
	}
	if err := o.approval.judgeProject(session); err != nil {
		return err
	}
	r := &run{cli: c, work: w, options: o, log: log, manifest: m, files: f, session: session}
	lock, err := r.lock()
	if err != nil {
		return err
	}
	defer lock.release()
	return r.confirmed(ctx)
}

// confirmed opens the journal of an earlier run, if there is one, shows what is
// to be done, asks, and does it.
func (r *run) confirmed(ctx context.Context) error {
	var err error
	if r.files.resumes {
		if r.journal, err = r.openJournal(); err != nil {
			return err
		}
		defer r.journal.Close()
	}
	r.left, r.toSend = r.manifest.Rows, r.manifest.Valid
	if r.journal != nil {
		settled, unsent := r.journal.Settled()
		r.left -= settled + unsent
		r.toSend -= settled
	}
	if r.terminal {
		r.showPlan()
	}
	if !r.options.yes && r.toSend > 0 {
		if err := r.showUnusual(ctx); err != nil {
			return err
		}
		if err := r.ask(ctx); err != nil {
			return err
		}
	}
	r.started = time.Now()
	if r.journal != nil {
		if err := r.journal.Continue(r.identity()); err != nil {
			return cannotWrite("the journal", r.files.journal, err, otherReport)
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
		return r.manifest.Reader()
	}
	return r.journal.Remaining(r.manifest.Reader())
}

// openManifest reads and judges the input, and refuses what the flags do not
// want.
func (c *cli) openManifest(ctx context.Context, input string, o *runOptions) (*manifest.Manifest, error) {
	keep, err := c.openKeepLists(ctx, o.keep)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Open(ctx, input, manifest.Options{
		ImageColumn:  o.imageColumn,
		MemberColumn: o.memberColumn,
		Delimiter:    rune(o.delimiter),
		Encoding:     o.encoding,
		Select:       o.selection(),
		Keep:         keep,
		Stdin:        &attentiveReader{ctx, c.stdin},
		TempDir:      o.copyDir(),
	})
	if err != nil {
		return nil, err
	}
	switch {
	// All shards judge alike: either each of them begins or none does.
	case o.maxRows > 0 && m.UncutRows > o.maxRows:
		err = fmt.Errorf("%s holds %d rows, more than --max-rows %d; nothing was sent", m.Name, m.UncutRows, o.maxRows)
	case m.Protected > 0:
		err = protected(m)
	case o.strict && m.UncutInvalid > 0:
		err = fmt.Errorf("%s: %w; nothing was sent, because of --strict", m.Name, firstInvalid(m))
	default:
		return m, nil
	}
	m.Close()
	return nil, err
}

// copyDir is where a copy of standard input goes: to the directory of the report,
// because that for temporary files is often memory.
func (o *runOptions) copyDir() string {
	if o.report == "" {
		return ""
	}
	return filepath.Dir(o.report)
}

// openKeepLists reads the files of --keep.
func (c *cli) openKeepLists(ctx context.Context, paths []string) (lists []*manifest.AllowList, err error) {
	for _, path := range paths {
		list, err := manifest.OpenAllowList(ctx, path, manifest.Options{Stdin: &attentiveReader{ctx, c.stdin}})
		if err != nil {
			return nil, fmt.Errorf("--keep: %w", err)
		}
		if list.Entries == 0 {
			return nil, withHint(fmt.Errorf("--keep %s: it has no entries, so it protects nothing", list.Name), "leave it out, or name the right file")
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// keepDigest says which shares the lists protect.
func keepDigest(lists []*manifest.AllowList) string {
	if len(lists) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, l := range lists {
		io.WriteString(sum, l.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil))
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
		m.Name, plural(m.Protected, "share"), word, strings.Join(lines, ", "), first.Line, first.List, first.Pair.ImageID, first.Pair.MemberID)
}

// firstInvalid describes the invalid rows of m by the first of them.
func firstInvalid(m *manifest.Manifest) error {
	if m.Invalid == 0 {
		return fmt.Errorf("%s in other shards", plural(m.UncutInvalid, "invalid row"))
	}
	rows := m.Reader()
	for {
		row, err := rows.Next()
		if err != nil {
			return err
		}
		if row.Problem != "" {
			return fmt.Errorf("%s, the first on line %d: %s", plural(m.Invalid, "invalid row"), row.Line, row.Problem)
		}
	}
}

// A run is one run of a file against a cloud.
type run struct {
	*cli
	work     work
	options  *runOptions
	log      *slog.Logger
	manifest *manifest.Manifest
	files    *files
	session  *cloud.Session
	started  time.Time
	journal  *report.Journal
	// left is how many rows no earlier run has settled, toSend how many of them
	// need a request.
	left, toSend int
}

// execute does the work and writes the report, and tells how it went.
func (r *run) execute(ctx context.Context) error {
	// Garbage is collected when the heap has doubled, which the small one of a
	// run does some fifty times a second. With this, which is never touched
	// and so takes no memory, it does a fifth of that.
	ballast := make([]byte, 8<<20)
	defer runtime.KeepAlive(ballast)
	api, closeAPI := openAPI(r.session, r.options.workers)
	defer closeAPI()
	r.underway.Store(&r.files.journal)
	r.monitor.begins(ctx)
	bar := r.startProgress("", r.left)
	job := r.job(bar)
	job.Pace = &batch.Pace{}
	job.Settled, _ = r.journal.Settled()
	sent, stopped := r.work.do(job, ctx, r.journal.Remaining(r.manifest.Reader()), api, bar.recorder(r.journal))
	bar.finish()
	if errors.Is(stopped, batch.ErrMisconfigured) && !r.files.resumes {
		// Nothing has happened that a report could tell of, and a journal would
		// only be in the way of the corrected command.
		return errors.Join(stopped, r.journal.Discard())
	}
	err := r.journal.End(stopOf(stopped), sent)
	var verified func(int) report.Verification
	if r.options.verify && stopped == nil && err == nil {
		var more batch.Summary
		verified, more, stopped = r.verify(ctx, api, job)
		if errors.Is(stopped, batch.ErrMisconfigured) && sent.Requests > 0 { // the set-up was good before
			stopped = fmt.Errorf("%w: %v", batch.ErrOutage, stopped)
		}
		sent.Add(more)
		err = r.journal.End(stopOf(stopped), sent)
	}
	whole := r.whole(sent)
	s := r.summary(&whole)
	if err != nil {
		return r.conclude(s, errors.Join(stopped, r.unreported("the journal", r.files.journal, err)), r.options)
	}
	if s.tally, err = r.writeReport(stopped, verified); err != nil {
		return r.conclude(s, errors.Join(stopped, r.unreported("the report", r.files.report, err)), r.options)
	}
	s.ReportDigest, whole.ReportDigest = s.tally.Digest, s.tally.Digest
	if r.files.journal != "" {
		if err := r.journal.Reported(s.ReportDigest); err != nil {
			err = cannotWrite("the journal", r.files.journal, err, "the report is complete: "+r.files.report)
			return r.conclude(s, errors.Join(stopped, err), r.options)
		}
	}
	if stopped == nil && s.tally.Settled() < s.tally.Rows {
		stopped = errUnsettled
	}
	s.HTML, stopped = r.writePage(stopped, &whole)
	return r.conclude(s, stopped, r.options)
}

// whole is the run with all its parts, this one being the last, which has sent so
// much.
func (r *run) whole(sent batch.Summary) report.Run {
	return r.identity().GoesOn(r.journal.Earlier(), report.Part{Started: r.started.UTC(), Finished: time.Now().UTC(), Summary: sent})
}

// summary is what is known of the run when its last request has ended.
func (r *run) summary(whole *report.Run) summary {
	s := summary{
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
		idle:        whole.Idle(),
		counts:      whole.Sent(),
	}
	s.LeftOut, s.leftOut = r.work.leavesOut(s.Input)
	return s
}

// unreported is the error for a report, or a journal's end, that could not be
// written. It says where what is known is kept, if it is.
func (r *run) unreported(what, name string, err error) error {
	if r.files.journal == "" {
		return cannotWrite("the report", r.files.report, err, otherReport)
	}
	saved, e := r.journal.Saved()
	if e != nil {
		return cannotWrite(what, name, err, fmt.Sprintf("and the journal cannot be saved: %v", withoutPath(e)))
	}
	return cannotWrite(what, name, err, "what is known is in "+saved)
}

// identity says which run this is.
func (r *run) identity() report.Run {
	projectID, _ := r.session.Project()
	identity := report.Run{
		Verb:        r.work.verb,
		Input:       r.manifest.Name,
		Digest:      r.manifest.Digest,
		Rows:        r.manifest.Rows,
		Shard:       r.options.shard.String(),
		Endpoint:    r.session.Endpoint().String(),
		Project:     projectID,
		Credentials: r.session.Method(),
		Version:     programVersion(),
		Started:     r.started.UTC(),
	}
	if r.options.chooses() {
		identity.WholeRows, identity.WholeDigest = r.manifest.WholeRows, r.manifest.WholeDigest
	}
	r.options.approval.record(&identity)
	identity.Keep = keepDigest(r.manifest.Keep())
	if u, err := user.Current(); err == nil {
		identity.User = u.Username
	}
	identity.Host, _ = os.Hostname()
	return identity
}

// writeReport joins the journal with the input. Rows without a result are
// those that the run did not get to.
func (r *run) writeReport(stopped error, verified func(int) report.Verification) (*report.Tally, error) {
	if err := r.files.mayWrite(r.files.reportFile); err != nil {
		return nil, err
	}
	c := r.results(stopped)
	c.Verified = verified
	return c.WriteFile(r.files.report)
}

// results are the results in the journal, for a report.
func (r *run) results(stopped error) *report.CSV {
	return &report.CSV{
		Input:   r.manifest.Reader(),
		Columns: r.manifest.Columns,
		Rows:    r.manifest.Rows,
		Journal: r.journal,
		Rest:    batch.Skipped,
		Reason:  stopReason(stopped),
	}
}

// stopOf is how a run was stopped, for its journal.
func stopOf(err error) report.Stop {
	if err == nil {
		return report.Stop{}
	}
	return report.Stop{Reason: err.Error(), At: time.Now()}
}

// stopReason is what the report says of a row that the run did not get to.
func stopReason(stopped error) string {
	if stopped == nil {
		return ""
	}
	return "the run stopped before this row: " + shortReason(stopped).Error()
}
