package batch

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnInterruptFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(100)
		api, rec := &fakeAPI{latency: 10 * time.Second}, &memory{}
		api.remove = func(r request) Answer {
			switch r.pair {
			case rows[3].Pair:
				return Answer{Meaning: Unavailable, Status: 503, Message: "busy"}
			case rows[4].Pair:
				return Answer{Meaning: Unanswered, Message: "cut"}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		cause := errors.New("terminated")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(25*time.Second, func() { cancel(cause) }) // with rows 3 to 6 in flight
		start := time.Now()
		_, err := testJob().Run(ctx, Revoke, &rowsSource{rows: rows}, api, rec)
		if !errors.Is(err, cause) {
			t.Fatalf("err = %v; want the cause of the interrupt", err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("the run ended after %v; want the answers at 30s and nothing more", took)
		}
		if len(api.requests) != 7 || len(rec.results) != 7 || rec.flushed != 7 {
			t.Errorf("%d requests, %d results, %d flushed; want 7 of each", len(api.requests), len(rec.results), rec.flushed)
		}
		if r := rec.bySeq(t, 3); r.Outcome != Skipped || r.Attempts != 1 || !strings.Contains(r.Message, "busy") {
			t.Errorf("the row that was to be tried again: %s after %d, %q", r.Outcome, r.Attempts, r.Message)
		}
		if r := rec.bySeq(t, 4); r.Outcome != Unknown {
			t.Errorf("the row whose answer was lost: %s; want unknown", r.Outcome)
		}
	})
}

func TestAnInterruptBeforeTheStartSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		api := &fakeAPI{}
		_, err := testJob().Run(ctx, Revoke, &rowsSource{rows: rowsOf(3)}, api, &memory{})
		if !errors.Is(err, context.Canceled) || len(api.requests) != 0 {
			t.Errorf("err = %v, %d requests; want the interrupt and none", err, len(api.requests))
		}
	})
}

func TestTheTimeBudgetStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.Rate, job.MaxDuration = 2, 10*time.Second
		_, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, &fakeAPI{}, rec)
		if !errors.Is(err, ErrTimeBudget) || len(rec.results) < 20 || len(rec.results) > 21 {
			t.Errorf("err = %v after %d rows; want the time budget after 20 or 21", err, len(rec.results))
		}
	})
}

func TestNoRowIsSentWhoseResultCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second}, &memory{failFrom: 6}
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrRecorder) || !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("err = %v; want ErrRecorder and its cause", err)
		}
		if len(api.requests) > 9 { // 1, 4, and the 4 in flight when the 6th could not be kept
			t.Errorf("%d requests; want no more after the failure", len(api.requests))
		}
	})
}

func TestAResultThatCannotBeFlushedStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second}, &memory{flushFailFrom: 6}
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrRecorder) || !errors.Is(err, io.ErrClosedPipe) {
			t.Fatalf("err = %v; want ErrRecorder and its cause", err)
		}
		if len(api.requests) > 13 { // 1, 4, 4, and at most 4 more
			t.Errorf("%d requests; want no more after the failure", len(api.requests))
		}
	})
}

func TestARecorderThatFailsIsToldWhateverElseStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("terminated")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(cause) }) // with rows 1 to 4 in flight
		_, err := testJob().Run(ctx, Revoke, &rowsSource{rows: rowsOf(100)}, &fakeAPI{latency: time.Second}, &memory{failFrom: 3})
		if !errors.Is(err, ErrRecorder) {
			t.Errorf("err = %v; want ErrRecorder, a row has no result", err)
		}
	})
}

func TestOfSeveralReasonsToStopTheFirstIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := testJob()
		job.MaxDuration = 1500 * time.Millisecond // with rows 1 to 4 in flight
		api := &fakeAPI{latency: time.Second}
		api.remove = func(request) Answer {
			if api.most > 1 {
				return Answer{Meaning: Unauthorized, Status: 401}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, &memory{}); !errors.Is(err, ErrTimeBudget) {
			t.Errorf("err = %v; want the time budget, which came first", err)
		}
	})
}

func TestALongStretchOfRowsWithoutRequestsCanBeInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(50_000)
		for i := range rows {
			rows[i].Problem = "not a pair"
		}
		ctx, cancel := context.WithCancel(t.Context())
		rec := &memory{onRecord: func(Result) { cancel() }}
		_, err := testJob().Run(ctx, Revoke, &rowsSource{rows: rows}, &fakeAPI{}, rec)
		if !errors.Is(err, context.Canceled) || len(rec.results) > len(rows)/2 {
			t.Errorf("err = %v after %d rows; want an interrupt before most of them", err, len(rec.results))
		}
	})
}

func TestABrokenSourceStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &memory{}
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(3), err: io.ErrUnexpectedEOF}, &fakeAPI{}, rec)
		if !errors.Is(err, ErrSource) || !errors.Is(err, io.ErrUnexpectedEOF) || len(rec.results) != 3 {
			t.Errorf("err = %v with %d results; want ErrSource, its cause, and 3", err, len(rec.results))
		}
	})
}

func TestAWrongEndpointStopsTheRunAfterOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second}, &memory{}
		api.remove = func(request) Answer {
			return Answer{Meaning: WrongEndpoint, Status: 404, Message: "no such API: check the endpoint"}
		}
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrWrongEndpoint) || !strings.Contains(err.Error(), "check the endpoint") {
			t.Fatalf("err = %v; want ErrWrongEndpoint with the hint", err)
		}
		if len(api.requests) != 1 || len(rec.results) != 1 || rec.results[0].Outcome != Rejected {
			t.Errorf("%d requests, results %v; want one of each, rejected", len(api.requests), rec.results)
		}
	})
}

func TestAWrongEndpointOfAReadStopsTheRunToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{remove: answer(AmbiguousNotFound, 404)}, &memory{}
		api.members = func(request) (members, Answer) { return members{}, Answer{Meaning: WrongEndpoint, Status: 404} }
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrWrongEndpoint) {
			t.Fatalf("err = %v; want ErrWrongEndpoint", err)
		}
		for _, r := range rec.results {
			if r.Outcome != NotFound {
				t.Errorf("%v; want no row to be settled", r)
			}
		}
	})
}
