package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// files are where a run keeps its results.
type files struct {
	report, journal string
	// resumes says that the journal is there, to go on with.
	resumes bool
}

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
	reported, err := regularFile(f.report)
	if err != nil {
		return files{}, err
	}
	journalled, err := regularFile(f.journal)
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
		return files{}, fmt.Errorf("%s is left of a run that did not end: go on with it by --resume, or discard it by --overwrite", f.journal)
	}
	return f, nil
}

func existsError(report string) error {
	return fmt.Errorf("%s exists: name another file with --report, go on with what it has left by --resume, or replace it with --overwrite", report)
}

// regularFile reports whether there is a file of that name, and an error when
// it is not one to be written.
func regularFile(path string) (bool, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s is no regular file: name another one with --report", path)
	}
	return true, nil
}
