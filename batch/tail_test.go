package batch

import (
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
		if _, err := job.Run(t.Context(), &rowsSource{rows: rows}, api, rec); err != nil {
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
		const n, troubled = 4000, 10 // three in ten rows are answered 503 four times
		api := &fakeAPI{latency: 50 * time.Millisecond}
		rows := rowsOf(n)
		trouble := make(map[Pair]bool)
		for i, row := range rows {
			trouble[row.Pair] = i%troubled < 3
		}
		api.remove = func(r request) Answer {
			if trouble[r.pair] && r.attempt <= 4 {
				return Answer{Meaning: Unavailable, Status: 503}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		job, rec := testJob(), &memory{}
		job.Workers = 8
		start := time.Now()
		if _, err := job.Run(t.Context(), &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		if got := rec.count(Revoked); got != n {
			t.Errorf("%d of %d revoked", got, n)
		}
		// The last rows wait for up to half a minute when nothing else is left.
		ideal := time.Duration(len(api.requests)) * 50 * time.Millisecond / 8
		if took := time.Since(start); took > ideal*102/100+20*time.Second {
			t.Errorf("%d requests took %v; eight busy workers need %v", len(api.requests), took, ideal)
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
		if _, err := job.Run(t.Context(), &rowsSource{rows: rowsOf(n)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		ideal := n / workers * latency
		if took := time.Since(start); took > ideal*100/98 {
			t.Errorf("%d rows took %v; %d workers need %v at %v for each", n, took, workers, ideal, latency)
		}
	})
}
