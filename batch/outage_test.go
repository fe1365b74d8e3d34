package batch

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// downFrom answers like a server that serves nobody from one time after the
// start to another one, and everybody before and after.
func downFrom(from, to time.Duration, bad Answer) *fakeAPI {
	start := time.Now()
	down := func() bool {
		since := time.Since(start)
		return since >= from && since < to
	}
	return &fakeAPI{
		latency: 20 * time.Millisecond,
		remove: func(request) Answer {
			if down() {
				return bad
			}
			return Answer{Meaning: Removed, Status: 204}
		},
		members: func(request) (members, Answer) {
			if down() {
				return members{}, bad
			}
			return members{}, Answer{Meaning: Listed, Status: 200}
		},
	}
}

func TestAnOutageIsWaitedOut(t *testing.T) {
	for name, bad := range map[string]Answer{
		"503":         {Meaning: Unavailable, Status: 503, Message: "down"},
		"500":         {Meaning: Broken, Status: 500, Message: "down"},
		"unreachable": {Meaning: Unreachable, Message: "down"},
	} {
		for _, rows := range []int{1, 500} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					job, rec := testJob(), &memory{}
					job.OutagePatience, job.Rate = 10*time.Minute, 50
					from := 2 * time.Second
					if rows == 1 {
						from = 0
					}
					api := downFrom(from, 8*time.Minute, bad)
					if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(rows)}, api, rec); err != nil {
						t.Fatal(err)
					}
					if rec.count(Revoked) != rows {
						t.Errorf("%d of %d revoked", rec.count(Revoked), rows)
					}
					if most := len(api.requests) - rows; most > 250 {
						t.Errorf("%d requests were spent on the outage", most)
					}
					for _, r := range rec.results {
						if r.Attempts > 5 {
							t.Errorf("row %d took %d attempts", r.Row.Seq, r.Attempts)
						}
					}
				})
			})
		}
	}
}

func TestAnOutageThatDoesNotEndStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.OutagePatience, job.Rate = 10*time.Minute, 50
		api := downFrom(time.Second, 1000*time.Hour, Answer{Meaning: Unavailable, Status: 503, Message: "down"})
		start := time.Now()
		_, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(5000)}, api, rec)
		if !errors.Is(err, ErrOutage) {
			t.Fatalf("err = %v; want ErrOutage", err)
		}
		if took := time.Since(start); took < 10*time.Minute || took > 10*time.Minute+2*time.Second {
			t.Errorf("the run ended after %v; want the patience of 10m", took)
		}
		if n := rec.count(Failed) + rec.count(Unknown); n > 0 {
			t.Errorf("%d rows spent their attempts on the outage", n)
		}
	})
}

// TestPatienceIsForTimeInWhichSomethingWasAskedFor: at one request in five
// minutes, a server that is down for half an hour is asked several times before the
// patience of twenty minutes ends.
func TestPatienceIsForTimeInWhichSomethingWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.OutagePatience, job.Rate, job.MaxDuration = 20*time.Minute, 1.0/300, 24*time.Hour
		api := downFrom(time.Minute, 16*time.Minute, Answer{Meaning: Unavailable, Status: 503, Message: "down"})
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(6)}, api, rec); err != nil || rec.count(Revoked) != 6 {
			t.Errorf("%d of 6 revoked: %v", rec.count(Revoked), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.OutagePatience, job.Rate = 20*time.Minute, 1.0/900 // slower than the patience
		api := downFrom(0, 20*time.Minute, Answer{Meaning: Unavailable, Status: 503, Message: "down"})
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(2)}, api, rec); err != nil || rec.count(Revoked) != 2 {
			t.Errorf("%d of 2 revoked: %v", rec.count(Revoked), err)
		}
	})
}

// TestPatienceEndsWhateverTheReason: a server that does nothing but ask for
// patience is not waited for any longer than one that is down.
func TestPatienceEndsWhateverTheReason(t *testing.T) {
	for name, bad := range map[string]Answer{
		"too many requests":              {Meaning: Throttled, Status: 429, Message: "too many"},
		"come back in ten years":         {Meaning: Throttled, Status: 429, RetryAfter: 10 * 365 * 24 * time.Hour, Message: "too many"},
		"one request in a million years": {Meaning: Throttled, Status: 429, Limit: 1e-12, LimitWindow: math.MaxInt64, Message: "too many"},
		"down, for ten years":            {Meaning: Unavailable, Status: 503, RetryAfter: 10 * 365 * 24 * time.Hour, Message: "down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				job, rec := testJob(), &memory{}
				job.OutagePatience, job.Rate = 10*time.Minute, 50
				api := downFrom(time.Second, 1000*time.Hour, bad)
				start := time.Now()
				_, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(5000)}, api, rec)
				if took := time.Since(start); !errors.Is(err, ErrOutage) || took < 10*time.Minute || took > 10*time.Minute+2*MaxRetryAfter {
					t.Errorf("the run ended after %v: %v", took, err)
				}
			})
		})
	}
}

// TestAThrottledServerIsNoOutage: its rows go on as soon as it lets them.
func TestAThrottledServerIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.OutagePatience, job.Rate, job.Attempts = 10*time.Minute, 50, 50
		api := downFrom(time.Second, 5*time.Minute, Answer{Meaning: Throttled, Status: 429, RetryAfter: 10 * time.Second})
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(500)}, api, rec); err != nil || rec.count(Revoked) != 500 {
			t.Errorf("%d of 500 revoked: %v", rec.count(Revoked), err)
		}
		for _, r := range api.requests {
			if r.pair.MemberID == "" {
				t.Fatal("a member list was read")
			}
		}
	})
}

// TestARunIsStoppedWhileAProbeIsUnderWay, whatever is answered to it.
func TestARunIsStoppedWhileAProbeIsUnderWay(t *testing.T) {
	for name, last := range map[string]Answer{
		"served":    {Meaning: Listed, Status: 200},
		"throttled": {Meaning: Throttled, Status: 429},
		"down":      {Meaning: Unavailable, Status: 503},
		"refused":   {Meaning: AmbiguousNotFound, Status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				job, rec := testJob(), &memory{}
				job.OutagePatience = 10 * time.Minute
				api := &fakeAPI{latency: time.Second, remove: answer(Unavailable, 503)}
				api.members = func(request) (members, Answer) {
					cancel()
					synctest.Wait() // the run has noticed
					return members{Complete: true}, last
				}
				_, err := job.Run(ctx, Revoke, &rowsSource{rows: rowsOf(50)}, api, rec)
				if !errors.Is(err, context.Canceled) || rec.count(Skipped) == 0 || rec.count(Absent) > 0 {
					t.Errorf("%v: %v", err, rec.results)
				}
			})
		})
	}
}

func TestDuringAnOutageOnlySingleReadsAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := testJob()
		job.OutagePatience = time.Hour
		api := downFrom(time.Second, time.Minute, Answer{Meaning: Unavailable, Status: 503})
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(3000)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		probes := 0
		for i, r := range api.requests {
			since := r.at.Sub(start)
			if since < 6*time.Second || since >= time.Minute {
				continue
			}
			probes++
			if r.pair.MemberID != "" {
				t.Errorf("a share was asked to be revoked %v into the run", since)
			}
			if gap := r.at.Sub(api.requests[i-1].at); gap < InitialBackoff/2 {
				t.Errorf("a probe %v after the request before it", gap)
			}
		}
		if probes < 3 || probes > 20 {
			t.Errorf("%d probes in a minute", probes)
		}
	})
}

func TestTroubleOnSomeRowsIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.OutagePatience, job.Rate = time.Minute, 50
		bad := rowsOf(400)
		api := &fakeAPI{latency: 20 * time.Millisecond}
		api.remove = func(r request) Answer {
			if r.pair == bad[7].Pair || r.pair == bad[8].Pair { // never get well
				return Answer{Meaning: Broken, Status: 500}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: bad}, api, rec); err != nil {
			t.Fatal(err)
		}
		if rec.count(Unknown) != 2 || rec.count(Revoked) != 398 {
			t.Errorf("%d unknown, %d revoked; want 2 and 398", rec.count(Unknown), rec.count(Revoked))
		}
	})
}

func TestARowThatAnEarlierRunLostIsNeverSaidToHaveFailed(t *testing.T) {
	for m, want := range map[Meaning]Outcome{Unavailable: Unknown, NotAMember: Absent, Removed: Revoked, Throttled: Unknown} {
		synctest.Test(t, func(t *testing.T) {
			rows, rec := rowsOf(1), &memory{}
			rows[0].Lost = true
			if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, &fakeAPI{remove: answer(m, 0)}, rec); err != nil {
				t.Fatal(err)
			}
			if r := rec.results[0]; r.Outcome != want || !r.Lost {
				t.Errorf("meaning %d: %s, lost %v; want %s and lost", m, r.Outcome, r.Lost, want)
			}
		})
	}
}

func TestEachRowIsBegunBeforeItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows, rec, api := rowsOf(20), &memory{failBegin: 10}, &fakeAPI{latency: time.Millisecond}
		rows[3].Problem = "bad"
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec)
		if !errors.Is(err, ErrRecorder) {
			t.Errorf("err = %v; want ErrRecorder", err)
		}
		if len(api.requests) != 9 || len(rec.begun) != 9 || len(rec.results) != 10 {
			t.Errorf("%d sent, %d begun, %d results; want 9, 9 and 10", len(api.requests), len(rec.begun), len(rec.results))
		}
	})
}
