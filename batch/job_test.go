package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		{"denied after a lost answer says so", []Answer{again(Broken, 502), again(Forbidden, 403)}, Denied, 2, "may have revoked the share all the same"},
		{"a renewed token costs no attempt", []Answer{again(Renewed, 401), removed}, Revoked, 1, ""},
		{"tokens renewed without end are denied", []Answer{again(Renewed, 401)}, Denied, 1, "again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := &memory{}
				api := &fakeAPI{remove: firstThen(tt.answers...)}
				if _, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(1)}, api, rec); err != nil {
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
		if _, err := testJob().Run(t.Context(), &rowsSource{rows: rows}, api, rec); err != nil {
			t.Fatal(err)
		}
		if got := rec.bySeq(t, 0); got.Outcome != Invalid || got.Message != "the image id is empty" {
			t.Errorf("row 0: %s %q", got.Outcome, got.Message)
		}
		if got := rec.bySeq(t, 2); got.Outcome != Duplicate || got.Message != "the same pair stands on line 3" {
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
		if _, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(9)}, api, &memory{}); err != nil {
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

func TestRefusedCredentialsStopTheRunAfterOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second, remove: answer(Unauthorized, 401)}, &memory{}
		_, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(100)}, api, rec)
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
		if _, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(10)}, api, &memory{}); err != nil {
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
		if _, err := job.Run(t.Context(), &rowsSource{rows: rows}, api, rec); err != nil {
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
			if _, err := testJob().Run(t.Context(), &rowsSource{rows: rows}, api, rec); err != nil {
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
		if _, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(1)}, api, &memory{}); err != nil {
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
		if _, err := job.Run(t.Context(), &rowsSource{rows: rowsOf(1)}, &fakeAPI{latency: time.Hour}, rec); err != nil {
			t.Fatal(err)
		}
		if r := rec.results[0]; r.Outcome != Unknown || r.Duration != 3*time.Second {
			t.Errorf("%s after %v; want unknown after 3s", r.Outcome, r.Duration)
		}
	})
}

func TestAnUnexplained404IsSettledByOneReadForEachImage(t *testing.T) {
	rows := rowsOf(6)
	image := rows[0].Pair.ImageID
	for i := range 4 { // rows 0 to 3 are of one image
		rows[i].Pair.ImageID = image
	}
	gone := Members{IDs: []string{"MEMBER-1", "somebody"}, Complete: true}
	tests := []struct {
		name     string
		members  Members
		answer   Answer
		outcome  [6]Outcome
		inResult string
	}{
		{"the list proves who is gone", gone, Answer{Meaning: Listed, Status: 200},
			[6]Outcome{Absent, Rejected, Absent, Absent, Absent, Absent}, "not in the image's list"},
		{"a list that may be cut proves nothing", Members{IDs: []string{"me"}}, Answer{Meaning: Listed, Status: 200},
			[6]Outcome{NotFound, NotFound, NotFound, NotFound, NotFound, NotFound}, "may hide others"},
		{"no list proves nothing", Members{}, Answer{Meaning: NoSuchImage, Status: 404, Message: "Image x not found."},
			[6]Outcome{NotFound, NotFound, NotFound, NotFound, NotFound, NotFound}, "reading the member list: Image x not found."},
		{"a list that cannot be had proves nothing", Members{}, Answer{Meaning: Unavailable, Status: 503, Message: "busy"},
			[6]Outcome{NotFound, NotFound, NotFound, NotFound, NotFound, NotFound}, "reading the member list: busy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api, rec := &fakeAPI{latency: time.Millisecond, remove: answer(Unproved, 404)}, &memory{}
				api.members = func(request) (Members, Answer) { return tt.members, tt.answer }
				if _, err := testJob().Run(t.Context(), &rowsSource{rows: rows}, api, rec); err != nil {
					t.Fatal(err)
				}
				for i, want := range tt.outcome {
					if got := rec.bySeq(t, i); got.Outcome != want {
						t.Errorf("row %d: %s (%s); want %s", i, got.Outcome, got.Message, want)
					}
				}
				if got := rec.bySeq(t, 0); !strings.Contains(got.Message, "text of the answer") || !strings.Contains(got.Message, tt.inResult) {
					t.Errorf("message %q; want the server's words and %q", got.Message, tt.inResult)
				}
				reads := api.attempts[Pair{ImageID: image}]
				if want := map[bool]int{true: 5, false: 1}[tt.answer.Meaning == Unavailable]; reads != want {
					t.Errorf("%d reads for four rows of one image; want %d", reads, want)
				}
			})
		})
	}
}

func TestTheSameRefusalOverFiveImagesStopsTheRun(t *testing.T) {
	tests := []struct {
		name   string
		remove func(request) Answer
		images int
		want   error
	}{
		{"not found over many images", answer(NoSuchImage, 404), 100, ErrSameRefusal},
		{"denied over many images", answer(Forbidden, 403), 100, ErrSameRefusal},
		{"not found over four images", answer(NoSuchImage, 404), 4, nil},
		{"two kinds of refusal", func(r request) Answer {
			if strings.HasPrefix(r.pair.ImageID, "00000003") {
				return Answer{Meaning: Forbidden, Status: 403}
			}
			return Answer{Meaning: NoSuchImage, Status: 404}
		}, 100, nil},
		{"one success among the first", func(r request) Answer {
			if strings.HasPrefix(r.pair.ImageID, "00000000") {
				return Answer{Meaning: Removed, Status: 204}
			}
			return Answer{Meaning: NoSuchImage, Status: 404}
		}, 100, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows := rowsOf(100)
				for i := range rows {
					rows[i].Pair.ImageID = rows[i%tt.images].Pair.ImageID
				}
				api, rec := &fakeAPI{latency: time.Millisecond, remove: tt.remove}, &memory{}
				_, err := testJob().Run(t.Context(), &rowsSource{rows: rows}, api, rec)
				if !errors.Is(err, tt.want) {
					t.Fatalf("err = %v; want %v", err, tt.want)
				}
				if tt.want != nil && len(api.requests) > 4+4 {
					t.Errorf("%d requests before the run stopped; want 5 and what was in flight", len(api.requests))
				}
				if tt.want == nil && len(rec.results) != 100 {
					t.Errorf("%d results; want 100", len(rec.results))
				}
			})
		})
	}
}

func TestTooManyFailuresStopTheRun(t *testing.T) {
	tests := []struct {
		allowance string
		failEvery int
		stops     bool
		atMost    int // finished rows at the stop
	}{
		{"0", 10, true, 18},
		{"5", 10, true, 68},
		{"none", 2, false, 400},
		{"20%", 4, true, 58},
		{"20%", 6, false, 400},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s allowed, one in %d fails", tt.allowance, tt.failEvery), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var err error
				job, rec := testJob(), &memory{}
				if job.MaxFailures, err = ParseAllowance(tt.allowance); err != nil {
					t.Fatal(err)
				}
				api := &fakeAPI{latency: time.Millisecond}
				api.remove = func(r request) Answer {
					var n int
					fmt.Sscanf(r.pair.ImageID, "%d-", &n)
					if n%tt.failEvery == tt.failEvery-1 {
						return Answer{Meaning: Refused, Status: 400}
					}
					return Answer{Meaning: Removed, Status: 204}
				}
				_, err = job.Run(t.Context(), &rowsSource{rows: rowsOf(400)}, api, rec)
				if errors.Is(err, ErrTooManyFailures) != tt.stops || len(rec.results) > tt.atMost {
					t.Errorf("err = %v after %d rows; want a stop: %v, after at most %d", err, len(rec.results), tt.stops, tt.atMost)
				}
			})
		})
	}
}

func TestAnInterruptFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(100)
		api, rec := &fakeAPI{latency: 10 * time.Second}, &memory{}
		api.remove = func(r request) Answer {
			switch r.pair {
			case rows[1].Pair:
				return Answer{Meaning: Unavailable, Status: 503, Message: "busy"}
			case rows[2].Pair:
				return Answer{Meaning: Unanswered, Message: "cut"}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		cause := errors.New("terminated")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(15*time.Second, func() { cancel(cause) }) // with rows 1 to 4 in flight
		start := time.Now()
		_, err := testJob().Run(ctx, &rowsSource{rows: rows}, api, rec)
		if !errors.Is(err, cause) {
			t.Fatalf("err = %v; want the cause of the interrupt", err)
		}
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("the run ended after %v; want the answers at 20s and nothing more", took)
		}
		if len(api.requests) != 5 || len(rec.results) != 5 || rec.flushed != 5 {
			t.Errorf("%d requests, %d results, %d flushed; want 5 of each", len(api.requests), len(rec.results), rec.flushed)
		}
		if r := rec.bySeq(t, 1); r.Outcome != Skipped || r.Attempts != 1 || !strings.Contains(r.Message, "busy") {
			t.Errorf("the row that was to be tried again: %s after %d, %q", r.Outcome, r.Attempts, r.Message)
		}
		if r := rec.bySeq(t, 2); r.Outcome != Unknown {
			t.Errorf("the row whose answer was lost: %s; want unknown", r.Outcome)
		}
	})
}

func TestAnInterruptBeforeTheStartSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		api := &fakeAPI{}
		_, err := testJob().Run(ctx, &rowsSource{rows: rowsOf(3)}, api, &memory{})
		if !errors.Is(err, context.Canceled) || len(api.requests) != 0 {
			t.Errorf("err = %v, %d requests; want the interrupt and none", err, len(api.requests))
		}
	})
}

func TestTheTimeBudgetStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, rec := testJob(), &memory{}
		job.Rate, job.MaxDuration = 2, 10*time.Second
		_, err := job.Run(t.Context(), &rowsSource{rows: rowsOf(100)}, &fakeAPI{}, rec)
		if !errors.Is(err, ErrTimeBudget) || len(rec.results) < 20 || len(rec.results) > 21 {
			t.Errorf("err = %v after %d rows; want the time budget after 20 or 21", err, len(rec.results))
		}
	})
}

func TestNoRowIsSentWhoseResultCannotBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, rec := &fakeAPI{latency: time.Second}, &memory{failFrom: 6}
		_, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(100)}, api, rec)
		if !errors.Is(err, ErrRecorder) || !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("err = %v; want ErrRecorder and its cause", err)
		}
		if len(api.requests) > 9 { // 1, 4, and the 4 in flight when the 6th could not be kept
			t.Errorf("%d requests; want no more after the failure", len(api.requests))
		}
	})
}

func TestABrokenSourceStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &memory{}
		_, err := testJob().Run(t.Context(), &rowsSource{rows: rowsOf(3), err: io.ErrUnexpectedEOF}, &fakeAPI{}, rec)
		if !errors.Is(err, ErrSource) || !errors.Is(err, io.ErrUnexpectedEOF) || len(rec.results) != 3 {
			t.Errorf("err = %v with %d results; want ErrSource, its cause, and 3", err, len(rec.results))
		}
	})
}

func TestAJobThatCannotWorkIsRefused(t *testing.T) {
	for _, change := range []func(*Job){
		func(j *Job) { j.Workers = 0 },
		func(j *Job) { j.Rate = 0 },
		func(j *Job) { j.Attempts = 0 },
		func(j *Job) { j.AttemptTimeout = 0 },
		func(j *Job) { j.MaxDuration = -1 },
	} {
		job, api := testJob(), &fakeAPI{}
		change(job)
		if _, err := job.Run(t.Context(), &rowsSource{rows: rowsOf(1)}, api, &memory{}); err == nil || len(api.requests) > 0 {
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
			Answer{Meaning: Removed, Status: 204})}
		if _, err := job.Run(t.Context(), &rowsSource{rows: rowsOf(1)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if len(events) != 2 {
			t.Fatalf("%d events; want one for each answer", len(events))
		}
		if e := events[0]; e.PausedFor != 10*time.Second || e.RetryIn <= 10*time.Second || e.Took != time.Second || e.Rate <= 0 {
			t.Errorf("the throttled answer: %+v", e)
		}
		if e := events[1]; e.PausedFor != 0 || e.RetryIn != 0 || e.Row.Seq != 0 {
			t.Errorf("the good answer: %+v", e)
		}
	})
}
