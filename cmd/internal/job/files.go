package job

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/report"
)

// files are where a run keeps its results. One that can as well be made again
// keeps no journal.
type files struct {
	*output.Set
	report, journal string
	// resumes says that the journal is there, to go on with.
	resumes bool

	// The same, and what else is written, for what decides about them.
	reportFile, journalFile, pageFile, lockFile, metricsFile *output.File
}

// outputsOf are the outputs of a job, which writes none of its inputs.
func outputsOf(e *Environment, inputs []string, o *Options) *output.Set {
	return output.NewSet(e.Stdin, e.Stdout, append(slices.Clone(o.Input.Keep), inputs...)...)
}

// filesFor names the files of a run, and refuses to touch what is not its own.
func filesFor(e *Environment, in *input, v verb, o *Options) (*files, error) {
	path, err := reportPath(in.path, v.suffix, o)
	if err != nil {
		return nil, err
	}
	inputs := []string{in.path}
	if in.journal != nil { // which the run goes on with
		inputs = nil
	}
	f := &files{Set: outputsOf(e, inputs, o), report: path}
	replace := "name another file with %s, or replace it with --overwrite"
	if v.journals {
		f.journal = report.JournalName(path)
		f.resumes = o.Action.Resume && exists(f.journal)
		if o.Action.Resume && !f.resumes && exists(path) {
			return nil, exit.WithHint(fmt.Errorf("cannot resume: %s: its journal %s is missing", path, f.journal), "name another file with --report, or replace it with --overwrite")
		}
		replace = "name another file with %s, resume its run with --resume, or replace it with --overwrite"
	}
	replaces := o.Output.Overwrite || f.resumes
	f.reportFile = f.Add(output.File{Kind: report.KindReport, Path: path, Flag: "--report", Replaces: replaces, Advice: fmt.Sprintf(replace, "--report")})
	f.journalFile = f.Add(output.File{Kind: report.KindJournal, Path: f.journal, Flag: "--report", Replaces: replaces, Advice: "its run is in progress or was cut off: resume it with --resume, or discard it with --overwrite"})
	f.pageFile = f.Add(output.File{Kind: report.KindHTML, Path: o.Output.HTML, Flag: "--html", Replaces: replaces, Advice: "name another file with --html, or replace it with --overwrite"})
	f.lockFile = f.Add(output.File{Kind: output.KindLock, Path: o.Output.Lock, Flag: "--lock", Replaces: true})
	f.metricsFile = f.Add(output.File{Kind: report.KindMetrics, Path: o.Monitoring.Metrics, Flag: "--metrics", Replaces: true})
	e.Monitor.GuardMetrics(func() error { return f.MayWrite(f.metricsFile) })
	return f, f.Check()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reportPath is where the report goes: to the file that the flag names, or to
// one beside the input with another ending.
func reportPath(input, ending string, o *Options) (string, error) {
	if o.Output.Report != "" {
		return o.Output.Report, nil
	}
	if info, err := os.Stat(input); input == "-" || err == nil && !info.Mode().IsRegular() {
		return "", exit.WithHint(fmt.Errorf("cannot name a report after %s", input), "name it with --report")
	}
	name := strings.TrimSuffix(input, filepath.Ext(input))
	if s := o.Selection.Shard; s.Count > 0 {
		name += fmt.Sprintf(".%d-of-%d", s.Index, s.Count)
	}
	return name + ending, nil
}

// otherReport is what to do about a report, or its journal, that cannot be made.
const otherReport = "use --report to name a file in a directory that can be written"

// createJournal makes the journal of a run, in the place of one that is to be
// discarded.
func (r *run) createJournal() (*report.Journal, error) {
	if err := r.files.MayWrite(r.files.journalFile); err != nil {
		return nil, err
	}
	if r.options.Output.Overwrite || r.files.resumes { // then nothing was sent by the one that is there
		if err := os.Remove(r.files.journal); err != nil && exists(r.files.journal) {
			return nil, exit.CannotWrite("the journal", r.files.journal, err, otherReport)
		}
	}
	j, err := report.CreateJournal(r.files.journal, r.input.plan, r.identity())
	if err != nil {
		return nil, exit.CannotWrite("the journal", r.files.journal, err, otherReport)
	}
	return j, nil
}

// openJournal opens the journal of the run to go on with. There is none if that run
// has died before it sent anything.
func (r *run) openJournal() error {
	if err := r.files.MayWrite(r.files.journalFile); err != nil {
		return err
	}
	// The lock is held only now, so that another run may have gone on with a journal
	// that was read before.
	if in := r.input; in.journal == nil || in.journal.Outdated() {
		j, err := openJournal(r.files.journal)
		if errors.Is(err, report.ErrNoPlan) && in.plan != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if in.journal != nil {
			in.journal.Close()
			in.journal = j
		}
		r.journal = j
	} else {
		r.journal = in.journal
	}
	if err := r.journal.CheckRun(r.identity()); err != nil {
		return cannotResume(r.files.journal, fmt.Errorf("%s: %w", r.files.journal, err))
	}
	return nil
}

// openJournal opens a journal to go on with.
func openJournal(path string) (*report.Journal, error) {
	j, err := report.OpenJournal(path)
	return j, cannotResume(path, err)
}

// cannotResume is the error for a journal that nobody can go on with.
func cannotResume(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, report.ErrUntrusted):
		return exit.WithHint(fmt.Errorf("cannot resume: %s: %w", path, exit.WithoutPath(err)), "or discard it with --overwrite")
	case errors.Is(err, report.ErrOtherRun), errors.Is(err, report.ErrDamaged):
		return exit.WithHint(fmt.Errorf("cannot resume: %w", err), "keep it, and give the new run another --report, or discard it with --overwrite")
	case errors.Is(err, report.ErrNoPlan):
		return exit.WithHint(fmt.Errorf("cannot resume: %w", err), "run the file of pairs again")
	}
	return fmt.Errorf("cannot resume: %w", err)
}
