package batch

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func TestALimitThatTheServerNamesIsTheNewCeiling(t *testing.T) {
	for name, pace := range map[string]float64{"a paced pool": 40, "a pool that is not paced": Unlimited} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// A server that takes ten requests in any five seconds, and says so.
				const window, most, limit = 5 * time.Second, 10, 2
				var taken []time.Time
				api := &fakeAPI{latency: 50 * time.Millisecond}
				api.remove = func(r request) Answer {
					now := time.Now()
					taken = slices.DeleteFunc(taken, func(at time.Time) bool { return now.Sub(at) >= window })
					if len(taken) >= most {
						return Answer{Meaning: Throttled, Status: 429, Limit: limit}
					}
					taken = append(taken, now)
					return Answer{Meaning: Removed, Status: 204}
				}
				var limits []float64
				job, rec := testJob(), &memory{}
				job.Rate = pace
				job.Notify = func(e Event) {
					if e.Limit > 0 {
						limits = append(limits, e.Limit)
					}
				}
				start := time.Now()
				summary, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(400)}, api, rec)
				if err != nil || rec.count(Revoked) != 400 {
					t.Fatalf("%d of 400 revoked, err = %v", rec.count(Revoked), err)
				}
				t.Logf("400 rows in %v, %d throttled", time.Since(start), summary.Throttled)
				if !slices.Equal(limits, []float64{limit}) || summary.Limit != limit {
					t.Errorf("told of the limits %v, in the end of %v; want %v once", limits, summary.Limit, limit)
				}
				late := slices.DeleteFunc(starts(api), func(at time.Time) bool { return at.Sub(start) < time.Minute })
				if n := mostInWindow(late, window); n > most+1 {
					t.Errorf("%d requests in %v after a minute; the server takes %d", n, window, most)
				}
				if ideal := 400 / limit * time.Second; time.Since(start) > ideal*3/2 {
					t.Errorf("the run took %v; at the limit it takes %v", time.Since(start), ideal)
				}
			})
		})
	}
}

func TestWhatIsBelievedOfALimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		pace, limit   float64
		told, ceiling float64
	}{
		{"a lower one", 3, 0.5, 0.5, 0.5},
		{"one for a pool that is not paced", Unlimited, 0.5, 0.5, 0.5},
		{"a higher one changes nothing", 3, 5, 0, 3},
		{"the same changes nothing", 3, 3, 0, 3},
		{"none", 3, 0, 0, 3},
		{"one below nothing", 3, -1, 0, 3},
		{"one that would never let the run end", 3, 1e-9, 0.1, 0.1},
		{"unless the job itself is as slow", 0.001, 1e-9, 0, 0.001},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPace(tt.pace)
			if got := p.limit(time.Now(), tt.limit, time.Minute); !near(got, tt.told) {
				t.Errorf("told of %v; want %v", got, tt.told)
			}
			if !near(float64(p.ceiling), tt.ceiling) || p.limiter.Limit() > p.ceiling {
				t.Errorf("ceiling %v, pace %v; want %v", p.ceiling, p.limiter.Limit(), tt.ceiling)
			}
		})
	}
}

func TestALimitDoesNotHastenAPoolThatWasSlowedDown(t *testing.T) {
	t.Parallel()
	p, now := newPace(40), time.Now()
	p.setLimit(now, 1)
	p.limit(now, 10, time.Minute)
	if got := p.limiter.Limit(); got != 1 {
		t.Errorf("the pace is %v; want it to stay at 1", got)
	}
	for i := range 500 {
		p.answered(now.Add(time.Duration(i) * raiseEvery))
	}
	if got := p.limiter.Limit(); got != rate.Limit(10) {
		t.Errorf("the pace has recovered to %v; want the limit, 10", got)
	}
}

func TestALimitIsNotKeptForEver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		window time.Duration
		kept   time.Duration
	}{
		{"of a minute", time.Minute, limitKept},
		{"of half an hour", 30 * time.Minute, 30 * time.Minute},
		{"of a million years", math.MaxInt64, maxLimitKept},
		{"that is named again", time.Minute, limitKept + 5*time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, start := newPace(3), time.Now()
			p.throttle(start, start, time.Second)
			p.limit(start, 1e-9, tt.window)
			if again := start.Add(5 * time.Minute); tt.kept > limitKept && tt.window == time.Minute {
				if told := p.limit(again, 1e-9, tt.window); told != 0 {
					t.Errorf("the same limit is told again: %v", told)
				}
			}
			var left, back time.Duration
			for at := time.Duration(0); at < 3*time.Hour; at += raiseEvery {
				p.answered(start.Add(at))
				switch limit := p.limiter.Limit(); {
				case limit > slowest && left == 0:
					left = at
				case limit == 3 && back == 0:
					back = at
				}
			}
			if left < tt.kept || left > tt.kept+2*raiseEvery {
				t.Errorf("the limit was kept for %v; want %v", left, tt.kept)
			}
			if back == 0 || back > left+5*time.Minute {
				t.Errorf("the rate was back after %v, the limit had been kept for %v", back, left)
			}
		})
	}
}

func near(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
