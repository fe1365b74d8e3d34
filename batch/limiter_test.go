package batch

import (
	"testing"
	"testing/synctest"
	"time"
)

// What has gathered while the pool could not send must not come in one rush:
// with what is late on its way it would break the rate of that second.
func TestTokensThatHaveGatheredAreSpread(t *testing.T) {
	tests := []struct {
		name  string
		stuck time.Duration // how long nothing is answered, after a second
	}{
		{"while the pool was opened", 0},
		{"while every worker was busy", 100 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const rate = 10_000
				start := time.Now()
				api := &fakeAPI{latency: 8 * time.Millisecond, jitter: func(r request) time.Duration {
					if since := r.at.Sub(start) - time.Second; since > 0 && since < tt.stuck {
						return tt.stuck - since
					}
					return 0
				}}
				job := testJob()
				job.Rate, job.Workers = rate, 256
				if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(15_000)}, api, &memory{}); err != nil {
					t.Fatal(err)
				}
				for _, window := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
					most := mostInWindow(starts(api), window)
					if bound := peakFactor*rate*window.Seconds() + rate/200 + 1; float64(most) > bound {
						t.Errorf("%d requests in %v; want at most %v", most, window, bound)
					}
				}
			})
		})
	}
}

func TestAMomentWithoutRequestsIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, latency = 1000, 5 * time.Millisecond
		start := time.Now()
		api := &fakeAPI{latency: latency, jitter: func(r request) time.Duration {
			if since := r.at.Sub(start) - time.Second; since > 0 && since < 20*time.Millisecond {
				return 20*time.Millisecond - since
			}
			return 0
		}}
		job := testJob()
		job.Rate, job.Workers = rate, 8
		if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rowsOf(5000)}, api, &memory{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second+2*latency {
			t.Errorf("5000 rows at %d/s took %v; want 5s and one latency", rate, took)
		}
	})
}
