package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// planOnline plans by what the cloud says: it reads the member list of each image
// of the file, and changes nothing. file is the report, if one was asked for.
func (r *run) planOnline(ctx context.Context, file *output, s *summary) ([]string, error) {
	var err error
	if r.session, err = r.connect(ctx, r.options, r.log); err != nil {
		return nil, err
	}
	if err := r.options.approval.judgeProject(r.session); err != nil {
		return nil, err
	}
	s.Endpoint = r.session.Endpoint().String()
	s.Project, _ = r.session.Project()
	dir := os.TempDir()
	if r.options.report != "" {
		dir = filepath.Dir(r.options.report)
	}
	if r.journal, err = report.TempJournal(dir, r.identity()); err != nil {
		return nil, file.cannotWrite(err)
	}
	defer r.journal.Close()
	api, closeAPI := openAPI(r.session, r.options.workers)
	defer closeAPI()
	r.underway.Store(new(string)) // there is nothing to go on with
	found := newSurvey(r.manifest.Images.N)
	bar := r.startProgress("plan", r.manifest.Rows)
	job := r.job(bar)
	job.OnList = found.add
	counts, stopped := job.Check(ctx, r.manifest.Reader(), api, bar.recorder(&onlineRecorder{r.journal, found}))
	bar.finish()
	s.counts = counts
	if err := r.journal.End(stopOf(stopped), counts); err != nil {
		return nil, errors.Join(stopped, file.cannotWrite(err))
	}
	if s.tally, err = writePlan(r.results(stopped), r.options.report, file); err != nil {
		return nil, errors.Join(stopped, err)
	}
	if n := s.tally.Outcomes; stopped == nil && n[batch.Planned]+n[batch.Duplicate] < s.tally.Rows {
		stopped = errUnsettled // the cloud is not as the file says
	}
	return found.notes(), stopped
}

// An onlineRecorder keeps what a check finds as what a run would do.
type onlineRecorder struct {
	*report.Journal
	found *survey
}

func (o *onlineRecorder) Record(r batch.Result) error {
	if err := o.found.Record(r); err != nil {
		return err
	}
	if r.Outcome == batch.Shared {
		r.Outcome = batch.Planned
	}
	return o.Journal.Record(r)
}
