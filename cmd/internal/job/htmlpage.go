package job

import (
	"errors"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/report"
)

// writePage shows the report of the whole run as a page, if that is wanted,
// and returns the page's name and how the run has ended then: a page that is
// missing is worse than rows that are not settled.
func (r *run) writePage(stopped error, whole *report.Run) (name string, ended error) {
	name = r.options.Output.HTML
	if name == "" {
		return "", stopped
	}
	err := r.showAsPage(name, stopped, whole)
	switch {
	case err == nil:
		return name, stopped
	case errors.Is(stopped, exit.ErrUnsettled):
		stopped = nil
	}
	return "", errors.Join(stopped, exit.CannotWrite("the HTML report", name, err, "the report is complete: "+r.files.report))
}

func (r *run) showAsPage(name string, stopped error, whole *report.Run) error {
	if err := r.files.MayWrite(r.files.pageFile); err != nil {
		return err
	}
	results, err := report.OpenResults(r.files.report)
	if err != nil {
		return err
	}
	defer results.Close()
	results.Origin = whole
	if !errors.Is(stopped, exit.ErrUnsettled) {
		results.Stopped = r.stopOf(stopped)
	}
	return report.View{Format: report.FormatHTML}.WriteFile(name, results)
}
