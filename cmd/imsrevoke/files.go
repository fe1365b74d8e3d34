package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// files are where a run keeps its results. One that can as well be made again
// keeps no journal.
type files struct {
	report, journal string
	// resumes says that the journal is there, to go on with.
	resumes bool
}

// filesFor names the files of a run, and refuses to touch what is there.
func filesFor(input, ending string, o *runOptions) (files, error) {
	path, err := reportPath(input, ending, o)
	if err != nil {
		return files{}, err
	}
	if err := mayWritePage(o, input, path); err != nil {
		return files{}, err
	}
	f := files{report: path, journal: path + ".journal"}
	reported, err := occupied(f.report, input)
	if err != nil {
		return files{}, err
	}
	journalled, err := occupied(f.journal, input)
	if err != nil {
		return files{}, err
	}
	f.resumes = o.resume && journalled
	switch {
	case o.overwrite || f.resumes:
		return f, nil
	case o.resume && reported:
		return files{}, fmt.Errorf("%s exists without its journal %s, which would say which run it is of: name another file with --report, or replace it with --overwrite", f.report, f.journal)
	case reported:
		return files{}, existsError(f.report)
	case journalled:
		return files{}, fmt.Errorf("%s is of a run that is under way or was cut off: go on with what is left by --resume, or discard it by --overwrite", f.journal)
	}
	return f, nil
}

// reportPath is where the report goes: to the file that the flag names, or to
// one beside the input with another ending.
func reportPath(input, ending string, o *runOptions) (string, error) {
	if o.report != "" {
		return o.report, nil
	}
	if info, err := os.Stat(input); input == "-" || err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s has no name that a report could be named after: name the report with --report", input)
	}
	name := strings.TrimSuffix(input, filepath.Ext(input))
	if s := o.shard; s.Count > 0 {
		name += fmt.Sprintf(".%d-of-%d", s.Index, s.Count)
	}
	return name + ending, nil
}

func existsError(report string) error {
	return fmt.Errorf("%s exists: name another file with --report, go on with what it has left by --resume, or replace it with --overwrite", report)
}

// occupied reports whether there is a file at the path of an output, and an
// error when it must not be replaced whatever the flags say: when it is the
// input, or no regular file.
func occupied(path, input string) (bool, error) {
	out, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, cannotWrite("the report", path, err, otherReport)
	case !out.Mode().IsRegular():
		return false, cannotWrite("the report", path, errors.New("it is not a regular file"), otherReport)
	}
	if in, err := os.Stat(input); err == nil && os.SameFile(in, out) {
		return false, fmt.Errorf("%s is the input itself: name another file with --report", path)
	}
	return true, nil
}

// otherReport is what to do about a report, or its journal, that cannot be made.
const otherReport = "name a file in a directory that can be written with --report"
