package batch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheDrainBoundsAStop: a run that is told to stop ends in the time that its
// caller has, also when the server does not answer, and says of the requests
// that it cut off what it says of any without an answer.
func TestTheDrainBoundsAStop(t *testing.T) {
	for _, tt := range []struct {
		name        string
		drain, took time.Duration
		outcome     Outcome
		stop        func(*Job, context.CancelCauseFunc)
		operation   *Operation
	}{
		{"answered in time", 10 * time.Second, 20 * time.Second, Revoked, interruptAt15s, Revoke},
		{"cut off", 2 * time.Second, 17 * time.Second, Unknown, interruptAt15s, Revoke},
		{"without a drain", 0, 20 * time.Second, Revoked, interruptAt15s, Revoke},
		{"the time budget", 2 * time.Second, 17 * time.Second, Unknown, func(j *Job, _ context.CancelCauseFunc) { j.MaxDuration = 15 * time.Second }, Revoke},
		{"a check", 2 * time.Second, 17 * time.Second, Skipped, interruptAt15s, Check},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api, rec := &fakeAPI{latency: 10 * time.Second}, &memory{}
				ctx, cancel := context.WithCancelCause(t.Context())
				job := testJob()
				job.Drain = tt.drain
				tt.stop(job, cancel)
				start := time.Now()
				_, err := job.Run(ctx, tt.operation, &rowsSource{rows: rowsOf(100)}, api, rec)
				if !errors.Is(err, errStopTest) && !errors.Is(err, ErrTimeBudget) {
					t.Errorf("err = %v; want the reason of the stop", err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("the run ended after %v; want %v", took, tt.took)
				}
				// The first request went alone, the second and third were in flight.
				for _, seq := range []int{1, 2} {
					if r := rec.bySeq(t, seq); r.Outcome != tt.outcome {
						t.Errorf("row %d is %s: %s; want %s", seq, r.Outcome, r.Message, tt.outcome)
					}
				}
			})
		})
	}
}

var errStopTest = errors.New("stop")

func interruptAt15s(_ *Job, cancel context.CancelCauseFunc) {
	time.AfterFunc(15*time.Second, func() { cancel(errStopTest) })
}
