package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"imsrevoke/report"
)

// mayWritePage refuses, before anything is sent, a page (--html) that could not
// be written at the end. A resumed run replaces the page as it does the report.
func mayWritePage(o *runOptions, input, reportPath string) error {
	if o.html == "" {
		return nil
	}
	if clean := filepath.Clean(o.html); clean == filepath.Clean(reportPath) || clean == filepath.Clean(reportPath)+".journal" {
		return fmt.Errorf("%s is the report, or its journal: name another file with --html", o.html)
	}
	return mayWrite("--html", o.html, o.overwrite || o.resume, input, reportPath, reportPath+".journal")
}

// writePage shows the report that has been written as a page, if that is wanted,
// and returns the page's name and how the run has ended then: a page that is
// missing is worse than rows that are not settled.
func (r *run) writePage(stopped error) (name string, ended error) {
	name = r.options.html
	if name == "" {
		return "", stopped
	}
	err := r.showAsPage(name)
	switch {
	case err == nil:
		return name, stopped
	case errors.Is(stopped, errUnsettled):
		stopped = nil
	}
	return "", errors.Join(stopped, cannotWrite("the HTML report", name, err, "the report is complete: "+r.files.report))
}

func (r *run) showAsPage(name string) error {
	results, err := report.OpenResults(r.files.report)
	if err != nil {
		return err
	}
	defer results.Close()
	if r.files.journal == "" { // which would say which run it was
		identity := r.identity()
		results.Origin = &identity
	}
	return report.View{Format: report.FormatHTML}.WriteFile(name, results)
}
