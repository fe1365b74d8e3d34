package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAResultTellsOfAllAttemptsAndTheLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second}, &memory{}
		api.remove = firstThen(
			Answer{Meaning: Unanswered, RequestID: "req-1", Message: "cut"},
			Answer{Meaning: Removed, Status: 204, RequestID: "req-2"})
		rows := rowsOf(1)
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		first, last := api.requests[0], api.requests[1]
		want := []Result{{
			Row: rows[0], Outcome: Revoked, Status: 204, Attempts: 2, RequestID: "req-2",
			Duration: last.answered.Sub(first.at), FinishedAt: last.answered, Lost: true,
		}}
		if diff := cmp.Diff(want, rec.results); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheWaitsBetweenAttemptsGrowToABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var announced []time.Duration
		job := testJob()
		job.Attempts = 15
		job.Notify = func(e Event) {
			if e.RetryIn > 0 {
				announced = append(announced, e.RetryIn)
			}
		}
		api := &fakeAPI{latency: time.Second, remove: answer(Unavailable, 503)}
		rows := rowsOf(2) // of which each has waits of its own
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if len(announced) != 2*14 {
			t.Errorf("%d waits were announced; want 14 of each row", len(announced))
		}
		jitter := make(map[float64]bool)
		for _, row := range rows {
			var ended time.Time
			middle := InitialBackoff
			for _, r := range api.requests {
				if r.pair != row.Pair {
					continue
				}
				if !ended.IsZero() {
					// A row may wait longer than it must: the other one goes alone too.
					wait := r.at.Sub(ended)
					if wait < middle/2 || wait > middle*3/2+api.latency {
						t.Errorf("row %d waited %v; want %v, give or take half", row.Seq, wait, middle)
					}
					jitter[wait.Seconds()/middle.Seconds()] = true
					middle = min(2*middle, MaxBackoff)
				}
				ended = r.answered
			}
		}
		if len(jitter) < 10 {
			t.Errorf("the waits have the jitters %v; want them to differ", jitter)
		}
	})
}

func TestTheOutcomesOfAnswersThatShouldNotEndARow(t *testing.T) {
	for meaning, want := range map[Meaning]Outcome{
		AmbiguousNotFound: NotFound, Listed: Rejected, Renewed: Denied, Unauthorized: Denied,
	} {
		if got := (&task{last: Answer{Meaning: meaning}}).outcome(); got != want {
			t.Errorf("meaning %d: %s; want %s", meaning, got, want)
		}
	}
}
