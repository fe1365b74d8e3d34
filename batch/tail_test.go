package batch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestARowThatIsStuckHoldsBackNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2000
		rows := rowsOf(n)
		api := &fakeAPI{latency: 10 * time.Millisecond, jitter: func(r request) time.Duration {
			if r.pair == rows[9].Pair {
				return time.Minute
			}
			return 0
		}}
		job, rec := testJob(), &memory{}
		job.Workers, job.AttemptTimeout = 8, 2*time.Minute
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 61*time.Second {
			t.Errorf("the run took %v; the row that was stuck took a minute", took)
		}
		if last := rec.results[n-1]; last.Row.Seq != 9 {
			t.Errorf("row %d was the last to be recorded; want the one that was stuck", last.Row.Seq)
		}
		// Seven workers are left for the others.
		ideal := n * 10 * time.Millisecond / 7
		if took := rec.results[n-2].FinishedAt.Sub(start); took > ideal*105/100 {
			t.Errorf("the other rows took %v; want %v", took, ideal)
		}
	})
}

func TestRowsThatWaitLeaveEveryWorkerBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Three in ten rows are answered 503 five times. The last of their waits is
		// of 4 to 12 seconds.
		const n, workers, latency = 12_000, 8, 50 * time.Millisecond
		api := &fakeAPI{latency: latency}
		rows := rowsOf(n)
		trouble := make(map[Pair]bool)
		for i, row := range rows {
			trouble[row.Pair] = i%10 < 3
		}
		api.remove = func(r request) Answer {
			if trouble[r.pair] && r.attempt <= 5 {
				return Answer{Meaning: Unavailable, Status: 503}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		job, rec := testJob(), &memory{}
		job.Workers, job.Attempts = workers, 6
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		if got := rec.count(Revoked); got != n {
			t.Errorf("%d of %d revoked", got, n)
		}
		// When there are no more rows, workers are idle.
		last := slices.IndexFunc(api.requests, func(r *request) bool { return r.pair == rows[n-1].Pair })
		took := api.requests[last].at.Sub(start)
		if ideal := time.Duration(last) * latency / workers; took > ideal*101/100 {
			t.Errorf("%d requests took %v; eight busy workers need %v", last, took, ideal)
		}
	})
}

func TestManyWorkersHideTheLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, workers, latency = 25_600, 128, 50 * time.Millisecond
		api := &fakeAPI{latency: latency}
		job := testJob()
		job.Workers = workers
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(n)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		ideal := n / workers * latency
		if took := time.Since(start); took > ideal*100/98 {
			t.Errorf("%d rows took %v; %d workers need %v at %v for each", n, took, workers, ideal, latency)
		}
	})
}
