package batch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestNothingIsSentAfterAResultThatCannotBeFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second}, &memory{flushFailFrom: 1}
		job := testJob()
		job.Workers = 8
		_, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrRecorder) {
			t.Fatal(err)
		}
		if len(api.requests) != 1 {
			t.Errorf("%d requests; the result of the first could not be flushed, nothing should follow", len(api.requests))
		}
	})
}

func TestOneRushHalvesTheRateOnce(t *testing.T) {
	for _, retryAfter := range []time.Duration{0, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			rows := rowsOf(200)
			job := testJob()
			job.Workers, job.Rate = 8, 64
			var rates []float64
			job.Notify = func(e Event) {
				if e.Rate > 0 {
					rates = append(rates, e.Rate)
				}
			}
			n := 0
			api := &variedAPI{answer: func(p Pair, i int) (time.Duration, Answer) {
				n++
				if n > 20 && n <= 28 { // eight requests under way together, answered 1.1 s apart
					return time.Second + time.Duration(n-20)*1100*time.Millisecond, Answer{Meaning: Throttled, Status: 429, RetryAfter: retryAfter}
				}
				return 200 * time.Millisecond, Answer{Meaning: Removed, Status: 204}
			}}
			job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{})
			if len(rates) != 1 {
				t.Errorf("Retry-After %v: one rush changed the rate %d times: %v", retryAfter, len(rates), rates)
			}
		})
	}
}

type variedAPI struct {
	fakeAPI
	answer func(p Pair, attempt int) (time.Duration, Answer)
}

func (f *variedAPI) Remove(ctx context.Context, p Pair) Answer {
	r := f.enter(p)
	f.mu.Lock()
	d, a := f.answer(p, r.attempt)
	f.mu.Unlock()
	time.Sleep(d)
	f.mu.Lock()
	f.inFlight--
	f.mu.Unlock()
	return a
}

func TestARequestThatWasNotSentDoesNotEndTheTimeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(100)
		api := &fakeAPI{latency: time.Second, remove: func(r request) Answer {
			if r.pair == rows[0].Pair {
				return Answer{Meaning: Refused, Message: "nothing was sent: unknown authority"}
			}
			return Answer{Meaning: Unauthorized, Status: 401}
		}}
		job := testJob()
		job.Workers = 64
		_, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{})
		if !errors.Is(err, ErrUnauthorized) || len(api.requests) > 2 {
			t.Errorf("%v: %d requests with refused credentials", err, len(api.requests)-1)
		}
	})
}

// FinishedAt of a row settled by a read is before the read.
func TestFinishedAtIsWhenTheOutcomeWasKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second, remove: answer(AmbiguousNotFound, 404)}, &memory{}
		api.members = func(request) (members, Answer) { return members{Complete: true}, Answer{Meaning: Listed, Status: 200} }
		start := time.Now()
		testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, rec)
		if got := rec.results[0].FinishedAt.Sub(start); got != 2*time.Second {
			t.Errorf("finished after %v; the read that settled it ended after 2s", got)
		}
	})
}

func TestNoRetryIsAnnouncedThatIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := testJob()
		job.MaxDuration = 500 * time.Millisecond
		job.Notify = func(e Event) {
			if e.RetryIn > 0 {
				t.Errorf("a retry in %v is announced by a run that has stopped", e.RetryIn)
			}
		}
		api := &fakeAPI{latency: time.Second, remove: answer(Unavailable, 503)}
		job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, &memory{})
	})
}

func TestOneReadForEachImageWhateverTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const images, each = 1024 + 100, 4
		var rows []Row
		for m := range each {
			for i := range images {
				p := Pair{fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), memberID(m)}
				rows = append(rows, Row{Seq: len(rows), Line: len(rows) + 2, Pair: p})
			}
		}
		api := &fakeAPI{remove: answer(AmbiguousNotFound, 404)}
		api.members = func(request) (members, Answer) { return members{Complete: true}, Answer{Meaning: Listed, Status: 200} }
		s, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{})
		if s.Reads > images+images/10 || err != nil {
			t.Errorf("%d reads for %d images (%d rows): %v", s.Reads, images, len(rows), err)
		}
	})
}
