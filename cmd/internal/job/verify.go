package job

import (
	"context"
	"time"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// verify reads the member lists of the images of all settled rows, within the
// time that the run has left and at the pace that it has learnt. The journal takes
// what is found.
func (r *run) verify(ctx context.Context, api batch.API, ran *batch.Job) (batch.Summary, error) {
	settled, _ := r.journal.Settled()
	bar := r.StartProgress(r.options.Display.Progress, "verify", settled)
	defer bar.Finish()
	job := r.job(bar)
	job.Pace = ran.Pace
	if job.MaxDuration > 0 {
		job.MaxDuration = max(job.MaxDuration-time.Since(r.started), 1) // 0 would be no limit
	}
	return job.Run(ctx, batch.Check, r.journal.SettledRows(), api, bar.Recorder(verification{r.journal}))
}

// A verification takes what a check after a run finds of each row. It is a
// [batch.Recorder].
type verification struct{ *report.Journal }

func (v verification) Record(r batch.Result) error {
	return v.Verified(r.Row.Seq, map[batch.Outcome]report.Verdict{batch.Absent: report.Gone, batch.Shared: report.StillShared}[r.Outcome], r.AlsoSharedWith)
}
