package main

import (
	"context"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// A verification is what a check after a run finds of each row. It is a
// [batch.Recorder].
type verification struct{ rows []byte }

const (
	notVerified = iota
	verifiedGone
	verifiedShared
)

// verify reads the member lists of the images of all settled rows.
func (r *run) verify(ctx context.Context, api batch.API) (*verification, error) {
	v := &verification{rows: make([]byte, r.manifest.Rows)}
	bar := &progress{}
	_, err := r.job(bar).Check(ctx, r.journal.SettledOf(r.manifest.Reader()), api, v)
	return v, err
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
	return nil
}

// verdict is what was found of a row, by its number.
func (v *verification) verdict(seq int) report.Verdict {
	switch v.rows[seq] {
	case verifiedGone:
		return report.Gone
	case verifiedShared:
		return report.StillShared
	}
	return ""
}
