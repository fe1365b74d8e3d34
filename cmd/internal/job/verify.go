package job

import (
	"context"
	"time"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// A verification is what a check after a run finds of each row. It is a
// [batch.Recorder].
type verification struct {
	rows []byte
	// others are the images that are also shared with accounts or organizations,
	// by the number of a row of theirs.
	others map[int]string
}

const (
	notVerified = iota
	verifiedGone
	verifiedShared
)

// verify reads the member lists of the images of all settled rows, within the
// time that the run has left and at the pace that it has learnt. It returns what
// was found of a row, by its number.
func (r *run) verify(ctx context.Context, api batch.API, ran *batch.Job) (func(int) report.Verification, batch.Summary, error) {
	v := &verification{rows: make([]byte, r.manifest.Rows), others: make(map[int]string)}
	settled, _ := r.journal.Settled()
	bar := r.StartProgress(r.options.Display.Progress, "verify", settled)
	defer bar.Finish()
	job := r.job(bar)
	job.Pace = ran.Pace
	if job.MaxDuration > 0 {
		job.MaxDuration = max(job.MaxDuration-time.Since(r.started), 1) // 0 would be no limit
	}
	sent, err := job.Run(ctx, batch.Check, r.journal.SettledOf(r.manifest.Reader()), api, bar.Recorder(v))
	return v.of, sent, err
}

func (v *verification) Begin(batch.Row) error { return nil }
func (v *verification) Flush() error          { return nil }

func (v *verification) Record(r batch.Result) error {
	switch r.Outcome {
	case batch.Absent:
		v.rows[r.Row.Seq] = verifiedGone
	case batch.Shared:
		v.rows[r.Row.Seq] = verifiedShared
	}
	if r.AlsoSharedWith != "" {
		v.others[r.Row.Seq] = r.AlsoSharedWith
	}
	return nil
}

// of is what was found of a row, by its number.
func (v *verification) of(seq int) report.Verification {
	found := report.Verification{AlsoSharedWith: v.others[seq]}
	switch v.rows[seq] {
	case verifiedGone:
		found.Verdict = report.Gone
	case verifiedShared:
		found.Verdict = report.StillShared
	}
	return found
}
