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
func outputsOf(e *Environment, input string, o *Options) *output.Set {
	return output.NewSet(e.Stdin, e.Stdout, append(slices.Clone(o.Input.Keep), input)...)
}

// filesFor names the files of a run, and refuses to touch what is not its own.
func filesFor(e *Environment, input string, v verb, o *Options) (*files, error) {
	path, err := reportPath(input, v.suffix, o)
	if err != nil {
		return nil, err
	}
	f := &files{Set: outputsOf(e, input, o), report: path}
	replace := "name another file with %s, or replace it with --overwrite"
	if v.journals {
		f.journal = path + ".journal"
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
		return "", fmt.Errorf("%s has no name that a report could be named after: name the report with --report", input)
	}
	name := strings.TrimSuffix(input, filepath.Ext(input))
	if s := o.Selection.Shard; s.Count > 0 {
		name += fmt.Sprintf(".%d-of-%d", s.Index, s.Count)
	}
	return name + ending, nil
}

// otherReport is what to do about a report, or its journal, that cannot be made.
const otherReport = "name a file in a directory that can be written with --report"

// createJournal makes the journal of a run, in the place of one that is to be
// discarded.
func (r *run) createJournal() (*report.Journal, error) {
	if err := r.files.MayWrite(r.files.journalFile); err != nil {
		return nil, err
	}
	if r.options.Output.Overwrite {
		if err := os.Remove(r.files.journal); err != nil && exists(r.files.journal) {
			return nil, exit.CannotWrite("the journal", r.files.journal, err, otherReport)
		}
	}
	j, err := report.CreateJournal(r.files.journal, r.identity())
	if err != nil {
		return nil, exit.CannotWrite("the journal", r.files.journal, err, otherReport)
	}
	return j, nil
}

// openJournal opens the journal of the run to go on with.
func (r *run) openJournal() (*report.Journal, error) {
	if err := r.files.MayWrite(r.files.journalFile); err != nil {
		return nil, err
	}
	j, err := report.OpenJournal(r.files.journal, r.identity())
	switch {
	case errors.Is(err, report.ErrNotOurs):
		return nil, exit.WithHint(fmt.Errorf("cannot resume: %s: %w", r.files.journal, exit.WithoutPath(err)), "or discard it with --overwrite")
	case errors.Is(err, report.ErrOtherRun), errors.Is(err, report.ErrDamaged):
		return nil, exit.WithHint(fmt.Errorf("cannot resume: %w", err), "keep it, and give the new run another --report, or discard it with --overwrite")
	case err != nil:
		return nil, fmt.Errorf("cannot resume: %w", err)
	}
	return j, nil
}
