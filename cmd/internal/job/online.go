package job

import (
	"context"
	"errors"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// planOnline plans by what the cloud says: it reads the member list of each image
// of the file, and changes nothing. file is the report, if one was asked for.
func (r *run) planOnline(ctx context.Context, file *output.File, s *ui.Summary) ([]string, error) {
	var err error
	if r.session, err = r.options.Connection.Connect(ctx, r.Environment); err != nil {
		return nil, err
	}
	if err := r.options.Approval.judgeProject(r.session); err != nil {
		return nil, err
	}
	s.Endpoint = r.session.Endpoint().String()
	s.Project, _ = r.session.Project()
	if r.journal, err = report.TempJournal(r.input.plan, r.identity()); err != nil {
		return nil, file.CannotWrite(err)
	}
	defer r.journal.Close()
	api, closeAPI := OpenAPI(r.session, r.options.Limits.Workers)
	defer closeAPI()
	r.Underway.Start("") // there is nothing to go on with
	found := newSurvey(r.manifest.Images.N)
	bar := r.startProgress("plan", r.manifest.Rows)
	job := r.job(bar)
	job.OnList = found.add
	counts, stopped := job.Run(ctx, batch.Check, r.journal.Rows(), api, bar.Recorder(&onlineRecorder{r.journal, found}))
	bar.Finish()
	s.Counts = counts
	if err := r.journal.End(r.stopOf(stopped), counts); err != nil {
		return nil, errors.Join(stopped, file.CannotWrite(err))
	}
	if s.Tally, err = writePlan(&report.CSV{Journal: r.journal}, r.options.Output.Report, file); err != nil {
		return nil, errors.Join(stopped, err)
	}
	if n := s.Tally.Outcomes; stopped == nil && n[batch.Planned]+n[batch.Duplicate] < s.Tally.Rows {
		stopped = exit.ErrUnsettled // the cloud is not as the file says
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
