package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/imageapi"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

func (c *cli) runCommand() *cobra.Command {
	o := newRunOptions()
	cmd := &cobra.Command{
		Use:   "run PAIRS.csv",
		Short: "Withdraw every share that a file lists",
		Long: `Run withdraws every image/member pair of a CSV file and writes a report with
one row for each row of the file. "-" reads standard input.

The whole file is read and judged before anything is sent. On a terminal run
shows what it is about to do and asks; elsewhere it needs --yes.

Each flag can also be set by a variable of the environment: --max-rows by
IMSREVOKE_MAX_ROWS. A flag wins.`,
		Example: `  imsrevoke run pairs.csv --os-cloud prod
  imsrevoke run audit.csv --rate 180/m --max-rows 5000 --yes
  OS_TOKEN=... imsrevoke run pairs.csv --endpoint https://image.example.com`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runFile(cmd.Context(), args[0], o)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// runFile is the verb run: judge the file, connect, ask, revoke, report.
func (c *cli) runFile(ctx context.Context, input string, o *runOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	log := c.logger(o.logLevel.word, o.logFormat.word)
	m, err := c.openManifest(ctx, input, o)
	if err != nil {
		return err
	}
	defer m.Close()
	if o.dryRun {
		return c.planFile(m, o)
	}
	f, err := filesFor(input, o)
	if err != nil {
		return err
	}
	if !o.yes && !c.interactive {
		return errors.New("there is no terminal to ask on: give --yes to withdraw the shares without a question")
	}
	session, err := c.connect(ctx, o, log)
	if err != nil {
		return err
	}
	r := &run{cli: c, options: o, log: log, manifest: m, files: f, session: session, started: time.Now()}
	if c.terminal {
		r.showPlan()
	}
	if !o.yes {
		if err := r.ask(ctx); err != nil {
			return err
		}
	}
	return r.execute(ctx)
}

// openManifest reads and judges the input, and refuses what the flags do not
// want.
func (c *cli) openManifest(ctx context.Context, input string, o *runOptions) (*manifest.Manifest, error) {
	m, err := manifest.Open(ctx, input, manifest.Options{
		ImageColumn:  o.imageColumn,
		MemberColumn: o.memberColumn,
		Delimiter:    rune(o.delimiter),
		Encoding:     o.encoding,
		Stdin:        c.stdin,
	})
	if err != nil {
		return nil, err
	}
	switch {
	case o.maxRows > 0 && m.Rows > o.maxRows:
		err = fmt.Errorf("%s holds %d rows, more than --max-rows %d: nothing was sent", m.Name, m.Rows, o.maxRows)
	case o.strict && m.Invalid > 0:
		err = fmt.Errorf("%s: %w: nothing was sent, because of --strict", m.Name, firstInvalid(m))
	default:
		return m, nil
	}
	m.Close()
	return nil, err
}

// firstInvalid describes the invalid rows of m by the first of them.
func firstInvalid(m *manifest.Manifest) error {
	rows := m.Reader()
	for {
		row, err := rows.Next()
		if err != nil {
			return err
		}
		if row.Problem != "" {
			return fmt.Errorf("%d invalid rows, the first on line %d: %s", m.Invalid, row.Line, row.Problem)
		}
	}
}

// planFile is a dry run: every row is judged, nothing is sent.
func (c *cli) planFile(m *manifest.Manifest, o *runOptions) error {
	plan := &report.CSV{Input: m.Reader(), Columns: m.Columns, Rows: m.Rows, Rest: batch.Planned}
	s := summary{Input: m.Name, DryRun: true, Started: time.Now()}
	var err error
	if o.report == "" {
		s.tally, err = plan.Write(io.Discard)
	} else {
		s.Report = o.report
		if err = refuseExisting(o.report, o.overwrite); err == nil {
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

// files are where a run keeps its results.
type files struct{ report, journal string }

// filesFor names the files of a run, and refuses to touch what is there.
func filesFor(input string, o *runOptions) (files, error) {
	path := o.report
	switch {
	case path == "" && input == "-":
		return files{}, errors.New("name the report of what comes from standard input with --report")
	case path == "":
		path = strings.TrimSuffix(input, filepath.Ext(input)) + ".report.csv"
	}
	if in, err := os.Stat(input); err == nil {
		if out, err := os.Stat(path); err == nil && os.SameFile(in, out) {
			return files{}, fmt.Errorf("the report %s is the input itself: name another file with --report", path)
		}
	}
	f := files{report: path, journal: path + ".journal"}
	if err := refuseExisting(f.report, o.overwrite); err != nil {
		return files{}, err
	}
	return f, refuseExisting(f.journal, o.overwrite)
}

// refuseExisting returns an error when there is a file in the way.
func refuseExisting(path string, overwrite bool) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file: name another one with --report", path)
	case !overwrite:
		return fmt.Errorf("%s exists: name another file with --report, or replace it with --overwrite", path)
	}
	return nil
}

func (c *cli) connect(ctx context.Context, o *runOptions, log *slog.Logger) (*cloud.Session, error) {
	return cloud.Connect(ctx, cloud.Config{
		Endpoint:  o.endpoint,
		Auth:      o.auth.word,
		OSCloud:   o.osCloud,
		Region:    o.region,
		CACert:    o.caCert,
		TokenFile: o.tokenFile,
		UserAgent: userAgent(),
		Getenv:    c.getenv,
		Logger:    log,
	})
}

// credentials are those of a session, in the words of the Image API client.
type credentials struct{ *cloud.Session }

func (s credentials) Renew(ctx context.Context, generation uint64) error {
	err := s.Session.Renew(ctx, generation)
	if errors.Is(err, cloud.ErrRefused) {
		return refusal{err}
	}
	return err
}

// refusal is an error that is an imageapi.ErrRefused too.
type refusal struct{ error }

func (r refusal) Is(target error) bool { return target == imageapi.ErrRefused }

// A run is one run of a file against a cloud.
type run struct {
	*cli
	options  *runOptions
	log      *slog.Logger
	manifest *manifest.Manifest
	files    files
	session  *cloud.Session
	started  time.Time
}

// execute withdraws the shares and writes the report, and tells how it went.
func (r *run) execute(ctx context.Context) error {
	journal, err := r.createJournal()
	if err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	defer journal.Close()
	transport := r.session.Transport(r.options.workers)
	defer transport.CloseIdleConnections()
	projectID, _ := r.session.Project()
	api := imageapi.New(imageapi.Config{
		Endpoint:    r.session.Endpoint(),
		Transport:   transport,
		Credentials: credentials{r.session},
		ProjectID:   projectID,
		UserAgent:   userAgent(),
	})
	job := r.options.job()
	job.Notify = func(e batch.Event) { logEvent(r.log, e) }
	bar := r.startProgress()
	counts, stopped := job.Run(ctx, r.manifest.Reader(), api, bar.recorder(journal))
	bar.finish()
	s := summary{
		Input:    r.manifest.Name,
		Report:   r.files.report,
		Journal:  r.files.journal,
		Endpoint: r.session.Endpoint().String(),
		Project:  projectID,
		Started:  r.started,
		counts:   counts,
	}
	s.tally, err = r.writeReport(journal, stopped)
	if err != nil {
		err = fmt.Errorf("%w: %w; what is known is in %s", errRecord, err, r.files.journal)
		return errors.Join(stopped, err)
	}
	if stopped == nil && s.tally.Settled() < s.tally.Rows {
		stopped = errUnsettled
	}
	return r.conclude(s, stopped, r.options)
}

func (r *run) createJournal() (*report.Journal, error) {
	if r.options.overwrite {
		if err := os.Remove(r.files.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	projectID, _ := r.session.Project()
	identity := report.Run{
		Input:       r.manifest.Name,
		Digest:      r.manifest.Digest,
		Rows:        r.manifest.Rows,
		Endpoint:    r.session.Endpoint().String(),
		Project:     projectID,
		Credentials: r.session.Method(),
		Version:     programVersion(),
		Started:     r.started.UTC(),
	}
	if u, err := user.Current(); err == nil {
		identity.User = u.Username
	}
	identity.Host, _ = os.Hostname()
	return report.CreateJournal(r.files.journal, identity)
}

// writeReport joins the journal with the input. Rows without a result are
// those that the run did not get to.
func (r *run) writeReport(journal *report.Journal, stopped error) (*report.Tally, error) {
	reason := ""
	if stopped != nil {
		reason = "the run stopped before this row: " + stopped.Error()
	}
	c := &report.CSV{
		Input:   r.manifest.Reader(),
		Columns: r.manifest.Columns,
		Rows:    r.manifest.Rows,
		Journal: journal,
		Rest:    batch.Skipped,
		Reason:  reason,
	}
	return c.WriteFile(r.files.report)
}
