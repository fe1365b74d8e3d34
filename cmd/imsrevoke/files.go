package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imsrevoke/report"
)

// files are where a run keeps its results. One that can as well be made again
// keeps no journal.
type files struct {
	*outputs
	report, journal string
	// resumes says that the journal is there, to go on with.
	resumes bool

	// The same, and what else is written, for what decides about them.
	reportFile, journalFile, pageFile, lockFile, metricsFile *output
}

// filesFor names the files of a run, and refuses to touch what is not its own.
func (c *cli) filesFor(input string, w work, o *runOptions) (*files, error) {
	path, err := reportPath(input, w.ending, o)
	if err != nil {
		return nil, err
	}
	f := &files{outputs: c.newOutputs(append(slices.Clone(o.keep), input)...), report: path}
	replace := "name another file with %s, or replace it with --overwrite"
	if w.journals {
		f.journal = path + ".journal"
		f.resumes = o.resume && exists(f.journal)
		if o.resume && !f.resumes && exists(path) {
			return nil, fmt.Errorf("cannot resume: %s: its journal %s is missing; name another file with --report, or replace it with --overwrite", path, f.journal)
		}
		replace = "name another file with %s, resume its run with --resume, or replace it with --overwrite"
	}
	replaces := o.overwrite || f.resumes
	f.reportFile = f.add(output{report.KindReport, path, "--report", replaces, fmt.Sprintf(replace, "--report")})
	f.journalFile = f.add(output{report.KindJournal, f.journal, "--report", replaces,
		"its run is in progress or was cut off: resume it with --resume, or discard it with --overwrite"})
	f.pageFile = f.add(output{report.KindHTML, o.html, "--html", replaces, "name another file with --html, or replace it with --overwrite"})
	f.lockFile = f.add(output{kindLock, o.lock, "--lock", true, ""})
	f.metricsFile = f.add(output{report.KindMetrics, o.metrics, "--metrics", true, ""})
	c.monitor.decidesBy(f)
	return f, f.judge()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reportPath is where the report goes: to the file that the flag names, or to
// one beside the input with another ending.
func reportPath(input, ending string, o *runOptions) (string, error) {
	if o.report != "" {
		return o.report, nil
	}
	if info, err := os.Stat(input); input == "-" || err == nil && !info.Mode().IsRegular() {
		return "", withHint(fmt.Errorf("cannot name a report after %s", input), "name it with --report")
	}
	name := strings.TrimSuffix(input, filepath.Ext(input))
	if s := o.shard; s.Count > 0 {
		name += fmt.Sprintf(".%d-of-%d", s.Index, s.Count)
	}
	return name + ending, nil
}

// otherReport is what to do about a report, or its journal, that cannot be made.
const otherReport = "use --report to name a file in a directory that can be written"

// createJournal makes the journal of a run, in the place of one that is to be
// discarded.
func (r *run) createJournal() (*report.Journal, error) {
	if err := r.files.mayWrite(r.files.journalFile); err != nil {
		return nil, err
	}
	if r.options.overwrite {
		if err := os.Remove(r.files.journal); err != nil && exists(r.files.journal) {
			return nil, cannotWrite("the journal", r.files.journal, err, otherReport)
		}
	}
	j, err := report.CreateJournal(r.files.journal, r.identity())
	if err != nil {
		return nil, cannotWrite("the journal", r.files.journal, err, otherReport)
	}
	return j, nil
}

// openJournal opens the journal of the run to go on with.
func (r *run) openJournal() (*report.Journal, error) {
	if err := r.files.mayWrite(r.files.journalFile); err != nil {
		return nil, err
	}
	j, err := report.OpenJournal(r.files.journal, r.identity())
	switch {
	case errors.Is(err, report.ErrNotOurs):
		return nil, fmt.Errorf("cannot resume: %s: %w; or discard it with --overwrite", r.files.journal, withoutPath(err))
	case errors.Is(err, report.ErrOtherRun), errors.Is(err, report.ErrDamaged):
		return nil, fmt.Errorf("cannot resume: %w; keep it, and give the new run another --report, or discard it with --overwrite", err)
	case err != nil:
		return nil, fmt.Errorf("cannot resume: %w", err)
	}
	return j, nil
}
