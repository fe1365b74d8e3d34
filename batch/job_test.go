package batch

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestMeaningsBecomeOutcomes(t *testing.T) {
	removed := Answer{Meaning: Removed, Status: 204}
	again := func(m Meaning, status int) Answer { return Answer{Meaning: m, Status: status, Message: "again"} }
	tests := []struct {
		name     string
		answers  []Answer
		outcome  Outcome
		attempts int
		message  string
	}{
		{"204 is revoked", []Answer{removed}, Revoked, 1, ""},
		{"not a member is absent", []Answer{again(NotAMember, 404)}, Absent, 1, "again"},
		{"no such image is not found", []Answer{again(NoSuchImage, 404)}, NotFound, 1, "again"},
		{"forbidden is denied", []Answer{again(Forbidden, 403)}, Denied, 1, "again"},
		{"another refusal is rejected", []Answer{again(Refused, 400)}, Rejected, 1, "again"},
		{"503 then 204 is revoked", []Answer{again(Unavailable, 503), removed}, Revoked, 2, ""},
		{"only 503 has failed", []Answer{again(Unavailable, 503)}, Failed, 5, "again"},
		{"only 429 has failed", []Answer{again(Throttled, 429)}, Failed, 5, "again"},
		{"never reached has failed", []Answer{again(Unreachable, 0)}, Failed, 5, "again"},
		{"only 500 is unknown", []Answer{again(Broken, 500)}, Unknown, 5, "may have been applied"},
		{"never answered is unknown", []Answer{again(Unanswered, 0)}, Unknown, 5, "may have been applied"},
		{"one lost answer among 503 is unknown", []Answer{again(Unanswered, 0), again(Unavailable, 503)}, Unknown, 5, "may have been applied"},
		{"absent after a lost answer says so", []Answer{again(Unanswered, 0), again(NotAMember, 404)}, Absent, 2, "may have revoked it"},
		{"denied after a lost answer says so", []Answer{again(Broken, 502), again(Forbidden, 403)}, Denied, 2, "may have been applied nevertheless"},
		{"a renewed token costs no attempt", []Answer{again(Renewed, 401), removed}, Revoked, 1, ""},
		{"tokens renewed without end are denied", []Answer{again(Renewed, 401)}, Denied, 1, "again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &memory{}
				api := &fakeAPI{remove: firstThen(tt.answers...)}
				if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, rec); err != nil {
					t.Fatal(err)
				}
				if len(rec.results) != 1 || rec.flushed != 1 {
					t.Fatalf("%d results, %d flushed; want 1 and 1", len(rec.results), rec.flushed)
				}
				r := rec.results[0]
				if r.Outcome != tt.outcome || r.Attempts != tt.attempts || !strings.Contains(r.Message, tt.message) {
					t.Errorf("got %s after %d attempts, %q; want %s after %d, %q", r.Outcome, r.Attempts, r.Message, tt.outcome, tt.attempts, tt.message)
				}
				if tt.message == "" && r.Message != "" {
					t.Errorf("message %q; want none", r.Message)
				}
			})
		})
	}
}

func TestRowsThatNeedNoRequestAreRecordedWithoutOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(3)
		rows[0].Problem = "the image id is empty"
		rows[2].FirstLine = 3
		rec, api := &memory{}, &fakeAPI{}
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		if got := rec.bySeq(t, 0); got.Outcome != Invalid || got.Message != "the image id is empty" {
			t.Errorf("row 0: %s %q", got.Outcome, got.Message)
		}
		if got := rec.bySeq(t, 2); got.Outcome != Duplicate || got.Message != "same pair as line 3" {
			t.Errorf("row 2: %s %q", got.Outcome, got.Message)
		}
		if len(api.requests) != 1 || api.requests[0].pair != rows[1].Pair {
			t.Errorf("requests: %v; want one, for row 1", api.requests)
		}
	})
}

func TestTheFirstRequestGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{latency: time.Second}
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(9)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if gap := api.requests[1].at.Sub(api.requests[0].at); gap != time.Second {
			t.Errorf("the second request started %v after the first; want one latency", gap)
		}
		if api.most != 4 {
			t.Errorf("at most %d requests in flight; want all 4 workers busy", api.most)
		}
	})
}

func TestWhatEndsTheTimeAlone(t *testing.T) {
	tests := []struct {
		name  string
		first Meaning
		ends  bool
	}{
		{"a removal", Removed, true},
		{"a member that is not there", NotAMember, true},
		{"an image that is not there", NoSuchImage, true},
		{"a refusal of this one", Forbidden, true},
		{"a 404 without a reason", AmbiguousNotFound, true},
		{"a refusal of any other kind", Refused, true},
		{"a server in trouble", Broken, false},
		{"no answer", Unanswered, false},
		{"a renewed token", Renewed, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows, start := rowsOf(20), time.Now()
				api := &fakeAPI{latency: time.Second, members: firstListThen(Forbidden)}
				api.remove = func(r request) Answer {
					if r.pair == rows[0].Pair && r.attempt == 1 {
						return Answer{Meaning: tt.first, Status: 400}
					}
					return Answer{Meaning: Removed, Status: 204}
				}
				if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{}); err != nil {
					t.Fatal(err)
				}
				second := 0
				for _, r := range api.requests {
					if r.at.Equal(start.Add(time.Second)) {
						second++
					}
				}
				if want := map[bool]int{true: 2, false: 1}[tt.ends]; second != want {
					t.Errorf("%d requests followed the first answer; want %d", second, want)
				}
			})
		})
	}
}

func TestRetryAfterOnAFinalAnswerPausesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{remove: func(request) Answer { return Answer{Meaning: Removed, Status: 204, RetryAfter: time.Minute} }}
		start := time.Now()
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(3)}, api, &memory{}); err != nil || time.Since(start) > 0 {
			t.Errorf("err = %v after %v; want no pause", err, time.Since(start))
		}
	})
}

func TestRefusedCredentialsStopTheRunAfterOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second, remove: answer(Unauthorized, 401)}, &memory{}
		_, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrUnauthorized) {
			t.Fatalf("err = %v; want ErrUnauthorized", err)
		}
		if len(api.requests) != 1 || len(rec.results) != 1 || rec.results[0].Outcome != Denied {
			t.Errorf("%d requests, results %v; want one of each, denied", len(api.requests), rec.results)
		}
	})
}

func TestAServerInTroubleIsAskedByOneRequestAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{latency: time.Second, remove: answer(Unavailable, 503)}
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(10)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if api.most != 1 {
			t.Errorf("%d requests in flight before the server did anything; want 1", api.most)
		}
	})
}

func TestARowThatWaitsHoldsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(101)
		api := &fakeAPI{latency: 10 * time.Millisecond}
		api.remove = func(r request) Answer {
			if r.pair != rows[0].Pair && r.attempt < 4 { // all but the first wait three times
				return Answer{Meaning: Unavailable, Status: 503}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		job, rec := testJob(), &memory{}
		job.Workers = 2
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		// Each row waits 0.5 + 1 + 2 s, give or take half. In a worker, 100 such
		// rows over two workers would take about 175 s.
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("the run took %v; waiting rows held workers", took)
		}
		if rec.count(Revoked) != len(rows) {
			t.Errorf("%d revoked; want %d", rec.count(Revoked), len(rows))
		}
	})
}

func TestAPauseHoldsTheWholePool(t *testing.T) {
	for _, m := range []Meaning{Throttled, Unavailable} {
		synctest.Test(t, func(t *testing.T) {
			rows := rowsOf(40)
			api := &fakeAPI{latency: 100 * time.Millisecond}
			api.remove = func(r request) Answer {
				if r.pair == rows[9].Pair && r.attempt == 1 {
					return Answer{Meaning: m, Status: 429, RetryAfter: 20 * time.Second}
				}
				return Answer{Meaning: Removed, Status: 204}
			}
			rec := &memory{}
			if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, rec); err != nil {
				t.Fatal(err)
			}
			// The pause begins with the answer, one latency after the request.
			var asked time.Time
			for _, r := range api.requests {
				if r.pair == rows[9].Pair && r.attempt == 1 {
					asked = r.at.Add(api.latency)
				}
			}
			afterPause := 0
			for _, r := range api.requests {
				since := r.at.Sub(asked)
				if since > 0 && since < 20*time.Second {
					t.Errorf("meaning %d: a request started %v into a pause of 20 s", m, since)
				}
				if since >= 20*time.Second && since < 20*time.Second+api.latency {
					afterPause++
				}
			}
			if afterPause != 1 {
				t.Errorf("meaning %d: %d requests started right after the pause; want one alone", m, afterPause)
			}
			if rec.count(Revoked) != len(rows) {
				t.Errorf("meaning %d: %d revoked; want %d", m, rec.count(Revoked), len(rows))
			}
		})
	}
}

func TestRetryAfterIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{remove: firstThen(
			Answer{Meaning: Throttled, Status: 429, RetryAfter: 99999999 * time.Second},
			Answer{Meaning: Removed, Status: 204})}
		start := time.Now()
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < MaxRetryAfter || took > MaxRetryAfter+time.Second {
			t.Errorf("the row waited %v; want a little over %v", took, MaxRetryAfter)
		}
	})
}

func TestAnAttemptHasATimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.Attempts, job.AttemptTimeout = 1, 3*time.Second
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, &fakeAPI{latency: time.Hour}, rec); err != nil {
			t.Fatal(err)
		}
		if r := rec.results[0]; r.Outcome != Unknown || r.Duration != 3*time.Second {
			t.Errorf("%s after %v; want unknown after 3s", r.Outcome, r.Duration)
		}
	})
}

func TestRowsWithoutRequestsBeforeOthersHoldNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(5000)
		for i := range rows[:4999] {
			rows[i].FirstLine = 2
		}
		start, rec := time.Now(), &memory{}
		if _, err := testJob().Run(t.Context(), Revoke, &rowsSource{rows: rows}, &fakeAPI{latency: time.Second}, rec); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("the run took %v; want the one request's second", took)
		}
		if r := rec.bySeq(t, 0); !r.FinishedAt.Equal(start) {
			t.Errorf("a row without a request ended at %v; want %v", r.FinishedAt, start)
		}
	})
}

func TestAJobThatCannotWorkIsRefused(t *testing.T) {
	for _, change := range []func(*Job){
		func(j *Job) { j.Workers = 0 },
		func(j *Job) { j.Rate = 0 },
		func(j *Job) { j.Rate = math.NaN() },
		func(j *Job) { j.Attempts = 0 },
		func(j *Job) { j.AttemptTimeout = 0 },
		func(j *Job) { j.MaxDuration = -1 },
	} {
		job, api := testJob(), &fakeAPI{}
		change(job)
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, &memory{}); err == nil || len(api.requests) > 0 {
			t.Errorf("%+v: err = %v with %d requests; want a refusal", job, err, len(api.requests))
		}
	}
}

func TestEventsTellWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []Event
		job := testJob()
		job.Notify = func(e Event) { events = append(events, e) }
		api := &fakeAPI{latency: time.Second, remove: firstThen(
			Answer{Meaning: Throttled, Status: 429, RetryAfter: 10 * time.Second},
			Answer{Meaning: Unavailable, Status: 503, RetryAfter: 20 * time.Second},
			Answer{Meaning: Removed, Status: 204})}
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(1)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if len(events) != 3 {
			t.Fatalf("%d events; want one for each answer", len(events))
		}
		if e := events[0]; e.PausedFor != 10*time.Second || e.RetryIn <= 10*time.Second || e.Took != time.Second || e.Rate <= 0 {
			t.Errorf("the throttled answer: %+v", e)
		}
		if e := events[1]; e.PausedFor != 20*time.Second || e.RetryIn <= 20*time.Second || e.Rate != 0 {
			t.Errorf("the answer of a server in trouble: %+v", e)
		}
		if e := events[2]; e.PausedFor != 0 || e.RetryIn != 0 || e.Row.Seq != 0 {
			t.Errorf("the good answer: %+v", e)
		}
	})
}
