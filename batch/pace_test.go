package batch

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// mostInWindow is the largest number of requests that started within one
// window, wherever it begins.
func mostInWindow(starts []time.Time, window time.Duration) int {
	slices.SortFunc(starts, time.Time.Compare)
	most, first := 0, 0
	for i, at := range starts {
		for at.Sub(starts[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func starts(api *fakeAPI) []time.Time {
	at := make([]time.Time, len(api.requests))
	for i, r := range api.requests {
		at[i] = r.at
	}
	return at
}

func TestTheRateHoldsInEverySecond(t *testing.T) {
	for _, rate := range []float64{0.5, 1, 3, 50, 1000, 10000} {
		for _, trouble := range []int{0, 5} { // one attempt in so many is answered 503
			t.Run(fmt.Sprintf("%v/s, trouble %d", rate, trouble), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					n := int(max(20, min(4*rate, 40_000)))
					api := &fakeAPI{latency: 30 * time.Millisecond}
					api.remove = func(r request) Answer {
						var i int
						fmt.Sscanf(r.pair.ImageID, "%d-", &i)
						if trouble > 0 && i%trouble == 0 && r.attempt <= 2 {
							return Answer{Meaning: Unavailable, Status: 503}
						}
						return Answer{Meaning: Removed, Status: 204}
					}
					job, rec := testJob(), &memory{}
					job.Rate, job.Workers = rate, 512
					start := time.Now()
					if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(n)}, api, rec); err != nil {
						t.Fatal(err)
					}
					if most := mostInWindow(starts(api), time.Second); float64(most) > 1.03*rate+1 {
						t.Errorf("%d requests in one second; the rate is %v", most, rate)
					}
					ideal := time.Duration(float64(len(api.requests)) / rate * float64(time.Second))
					opening := 5 * api.latency // of the pool, until so many are in flight
					if took := time.Since(start); trouble == 0 && took > ideal+ideal/200+opening {
						t.Errorf("%d requests took %v; at %v/s they need %v", len(api.requests), took, rate, ideal)
					}
					if rec.count(Revoked) != n {
						t.Errorf("%d of %d revoked", rec.count(Revoked), n)
					}
				})
			})
		}
	}
}

func TestThrottlingSlowsThePoolAndItRecovers(t *testing.T) {
	tests := []struct {
		name string
		rate float64
	}{
		{"a paced pool", 40},
		{"a pool that is not paced", Unlimited},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// A server that takes ten requests a second and does not say when to
				// come back.
				const limit = 10
				var taken []time.Time
				api := &fakeAPI{latency: 50 * time.Millisecond}
				api.remove = func(r request) Answer {
					now := time.Now()
					taken = slices.DeleteFunc(taken, func(at time.Time) bool { return now.Sub(at) >= time.Second })
					if len(taken) >= limit {
						return Answer{Meaning: Throttled, Status: 429}
					}
					taken = append(taken, now)
					return Answer{Meaning: Removed, Status: 204}
				}
				job, rec := testJob(), &memory{}
				job.Rate = tt.rate
				start := time.Now()
				summary, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(2000)}, api, rec)
				if err != nil {
					t.Fatal(err)
				}
				took := time.Since(start)
				t.Logf("2000 rows in %v, %d requests, %d throttled", took, summary.Requests, summary.Throttled)
				if rec.count(Revoked) != 2000 {
					t.Errorf("%d of 2000 revoked: throttling cost rows", rec.count(Revoked))
				}
				if summary.Throttled == 0 || summary.Throttled > 2000/10 {
					t.Errorf("%d answers were throttled; want some, but few", summary.Throttled)
				}
				if ideal := 2000 / limit * time.Second; took > 3*ideal {
					t.Errorf("the run took %v; the server would have needed %v", took, ideal)
				}
			})
		})
	}
}

func TestThrottleWithoutAWordPausesLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(100)
		var last time.Duration
		for range 4 {
			paused, _ := p.throttle(time.Now(), time.Now(), 0)
			if paused <= last/2 || paused > MaxBackoff*3/2 {
				t.Errorf("paused for %v after %v", paused, last)
			}
			last = paused
			time.Sleep(paused)
		}
		if last < 2*time.Second {
			t.Errorf("the fourth pause is %v; want it grown to 2 to 6 s", last)
		}
		p.answered(time.Now())
		if paused, _ := p.throttle(time.Now().Add(time.Minute), time.Now().Add(time.Minute), 0); paused > time.Second {
			t.Errorf("paused for %v after the server was well again; want the first step", paused)
		}
	})
}

func TestAnswersToOneRushSlowThePoolOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(64)
		now := time.Now()
		for range 8 {
			p.throttle(now, now, time.Second)
		}
		if got := float64(p.limiter.Limit()); got != 64*cut {
			t.Errorf("the rate is %v after eight answers to one rush; want it cut once, to %v", got, 64*cut)
		}
	})
}

func TestARateNeverRisesAboveItsCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(10)
		p.throttle(time.Now(), time.Now(), time.Second)
		for range 100 {
			time.Sleep(time.Second)
			p.answered(time.Now())
		}
		if got := float64(p.limiter.Limit()); got != 10 {
			t.Errorf("the rate is %v after a long good time; want 10", got)
		}
	})
}

func TestTheSecondAfterAPauseHoldsTheRateToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		if wait := p.take(time.Now()); wait != 0 {
			t.Fatalf("the first request waits %v", wait)
		}
		p.take(time.Now()) // reserves the token of the second
		p.pause(time.Now(), 10*time.Second)
		time.Sleep(10 * time.Second)
		if wait := p.take(time.Now()); wait != 0 {
			t.Errorf("the first request after the pause waits %v", wait)
		}
		if wait := p.take(time.Now()); wait != time.Second {
			t.Errorf("the second request after the pause waits %v; want 1s", wait)
		}
	})
}

func TestAThrottledPoolWinsItsRateBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(4000)
		api := &fakeAPI{latency: 50 * time.Millisecond}
		api.remove = func(r request) Answer {
			if r.pair == rows[9].Pair && r.attempt == 1 {
				return Answer{Meaning: Throttled, Status: 429}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		job := testJob()
		job.Rate = 40
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 110*time.Second {
			t.Errorf("4000 rows took %v at 40/s with one throttled answer; want little more than 100s", took)
		}
	})
}

func TestAPauseIsNeverCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(100)
		started := time.Now()
		p.throttle(started, time.Now(), time.Minute)
		time.Sleep(100 * time.Millisecond)
		paused, changed := p.throttle(started, time.Now(), time.Second)
		if want := time.Minute - 100*time.Millisecond; paused != want || changed != 0 {
			t.Errorf("paused for %v at the rate %v; want %v and the rate as it was", paused, changed, want)
		}
		if paused := p.pause(time.Now(), time.Second); paused != time.Minute-100*time.Millisecond {
			t.Errorf("paused for %v by a shorter wish; want the longer one kept", paused)
		}
		if wait := p.take(time.Now()); wait != time.Minute-100*time.Millisecond {
			t.Errorf("a request waits %v; want until the end of the pause", wait)
		}
	})
}

func TestHowSlowThrottlingMakesAPool(t *testing.T) {
	for ceiling, want := range map[float64]float64{3: 0.1, 0.05: 0.05} {
		synctest.Test(t, func(t *testing.T) {
			p := newPace(ceiling)
			for range 50 {
				p.throttle(time.Now(), time.Now(), time.Second)
				time.Sleep(time.Minute)
			}
			if got := float64(p.limiter.Limit()); got != want {
				t.Errorf("fifty throttled answers bring %v/s down to %v/s; want %v/s", ceiling, got, want)
			}
			for range 100 {
				time.Sleep(time.Second)
				p.answered(time.Now())
			}
			if got := float64(p.limiter.Limit()); got != ceiling {
				t.Errorf("a long good time brings it back to %v/s; want %v/s", got, ceiling)
			}
		})
	}
}

func TestTheObservedRateIsThatOfTheLastSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o observed
		if got := o.rate(time.Now()); got != 0 {
			t.Errorf("%v before the first request", got)
		}
		start := time.Now()
		for i := range 350 { // 100/s for three seconds and a half
			o.count(start.Add(time.Duration(i) * 10 * time.Millisecond))
		}
		for _, later := range []time.Duration{3500 * time.Millisecond, 4 * time.Second} {
			if got := o.rate(start.Add(later)); got < 99 || got > 101 {
				t.Errorf("%v after %v at 100/s", got, later)
			}
		}
		var first observed
		first.count(start)
		if got := first.rate(start.Add(time.Millisecond)); got != 20 {
			t.Errorf("%v a millisecond after the first request; want no more than one in 50 ms", got)
		}
	})
}

func TestAPauseCostsNoMoreThanItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := rowsOf(10_000)
		api := &fakeAPI{latency: 30 * time.Millisecond}
		api.remove = func(r request) Answer {
			if r.pair == rows[9].Pair && r.attempt == 1 {
				return Answer{Meaning: Unavailable, Status: 503, RetryAfter: time.Second}
			}
			return Answer{Meaning: Removed, Status: 204}
		}
		job := testJob()
		job.Rate, job.Workers = 1000, 64
		start := time.Now()
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 11200*time.Millisecond {
			t.Errorf("10000 rows at 1000/s with a pause of 1s took %v; want little more than 11s", took)
		}
	})
}

func TestAShortPauseIsNoGift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		p.take(time.Now())
		p.pause(time.Now(), 250*time.Millisecond)
		time.Sleep(250 * time.Millisecond)
		if wait := p.take(time.Now()); wait != 750*time.Millisecond {
			t.Errorf("a second after one request, less a pause of 250ms, the next one waits %v; want 750ms", wait)
		}
	})
}

func TestFractionsOfATokenDoNotOutliveAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		p.take(time.Now())
		p.take(time.Now()) // reserves the next token, good in a second
		p.pause(time.Now(), 1900*time.Millisecond)
		time.Sleep(1900 * time.Millisecond)
		if wait := p.take(time.Now()); wait != 0 {
			t.Errorf("the request whose token is good waits %v", wait)
		}
		if wait := p.take(time.Now()); wait != time.Second {
			t.Errorf("the one after it waits %v; want 1s", wait)
		}
	})
}

func TestATokenThatWasTakenIsMovedWithTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		p.setLimit(time.Now(), 0.5)
		p.take(time.Now())
		if wait := p.take(time.Now()); wait != 2*time.Second {
			t.Fatalf("at 0.5/s the second request waits %v; want 2s", wait)
		}
		time.Sleep(time.Second) // half a token has gathered
		p.setLimit(time.Now(), 1)
		if wait := p.take(time.Now()); wait != 500*time.Millisecond {
			t.Errorf("it waits %v more at 1/s; want 500ms for the other half", wait)
		}
		time.Sleep(500 * time.Millisecond)
		if wait := p.take(time.Now()); wait != 0 {
			t.Errorf("it waits %v when its time has come", wait)
		}
		if wait := p.take(time.Now()); wait != time.Second {
			t.Errorf("the third request waits %v; want 1s", wait)
		}
	})
}
