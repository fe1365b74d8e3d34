package batch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestThePoolOpensInSteps: how many requests start at a time.
func TestThePoolOpensInSteps(t *testing.T) {
	t.Parallel()
	const latency = time.Second
	rows := rowsOf(1000)
	tests := []struct {
		name    string
		workers int
		remove  func(request) Answer
		jitter  func(request) time.Duration
		want    []int // requests started in each latency, from the start
	}{
		{"one, two, all", 8, nil, nil, []int{1, 2, 8, 8, 8}},
		{"one, two, sixty-four, four times as many", 512, nil, nil, []int{1, 2, 64, 256, 512}},
		{"two workers", 2, nil, nil, []int{1, 2, 2}},
		{"one worker", 1, nil, nil, []int{1, 1, 1}},
		{"a step that was not served is made again", 8, func(r request) Answer {
			if r.pair == rows[2].Pair && r.attempt == 1 {
				return Answer{Meaning: Unavailable, Status: 503}
			}
			return Answer{Meaning: Removed, Status: 204}
		}, nil, []int{1, 2, 2, 8}},
		{"a new token is tried alone", 8, func(r request) Answer {
			if r.pair == rows[0].Pair && r.attempt == 1 {
				return Answer{Meaning: Renewed, Status: 401}
			}
			return Answer{Meaning: Removed, Status: 204}
		}, nil, []int{1, 1, 2, 8}},
		{"a step waits for the slowest", 8, nil, func(r request) time.Duration {
			if r.pair == rows[1].Pair {
				return 2 * latency
			}
			return 0
		}, []int{1, 2, 0, 0, 8}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &fakeAPI{latency: latency, remove: tt.remove, jitter: tt.jitter}
				job := testJob()
				job.Workers = tt.workers
				start := time.Now()
				if _, err := job.Run(t.Context(), &rowsSource{rows: rows}, api, &memory{}); err != nil {
					t.Fatal(err)
				}
				got := make([]int, len(tt.want))
				for _, at := range starts(api) {
					if i := int(at.Sub(start) / latency); i < len(got) {
						got[i]++
					}
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("so many requests started in each second: %v; want %v", got, tt.want)
				}
			})
		})
	}
}

func TestOnlyWhatIsServedLetsMoreIn(t *testing.T) {
	since := time.Now()
	o := opening{workers: 512, window: crowd, since: since}
	o.answered(since.Add(time.Second), false, 40)
	o.answered(since, true, 40) // it was sent before the pool began anew
	if o.window != crowd {
		t.Errorf("%d may be in flight; want %d as before", o.window, crowd)
	}
	o.answered(since.Add(time.Second), true, 40)
	if o.window != crowd+growth {
		t.Errorf("%d may be in flight after one was served; want %d", o.window, crowd+growth)
	}
	o.start(since)
	if !o.mayStart(0) || o.mayStart(1) {
		t.Error("the pool begins anew; want one request alone")
	}
}
