package batch

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestThePoolOpensInSteps: how many requests start at a time.
func TestThePoolOpensInSteps(t *testing.T) {
	t.Parallel()
	const latency = time.Second
	rows := rowsOf(2000)
	tests := []struct {
		name    string
		workers int
		remove  func(request) Answer
		jitter  func(request) time.Duration
		want    []int // requests started in each latency, from the start
	}{
		{"one, two, four, all", 8, nil, nil, []int{1, 2, 4, 8, 8}},
		{"one, two, four, sixty-four, all", 512, nil, nil, []int{1, 2, 4, 64, 512, 512}},
		{"two workers", 2, nil, nil, []int{1, 2, 2}},
		{"one worker", 1, nil, nil, []int{1, 1, 1}},
		{"a step of which nothing was answered is made again", 8, func(r request) Answer {
			if (r.pair == rows[1].Pair || r.pair == rows[2].Pair) && r.attempt == 1 {
				return Answer{Meaning: Unavailable, Status: 503}
			}
			return Answer{Meaning: Removed, Status: 204}
		}, nil, []int{1, 2, 2, 4, 8}},
		{"a step of which a part was answered is over", 8, func(r request) Answer {
			if r.pair == rows[2].Pair && r.attempt == 1 {
				return Answer{Meaning: Unavailable, Status: 503}
			}
			return Answer{Meaning: Removed, Status: 204}
		}, nil, []int{1, 2, 4, 8, 8}},
		{"a 404 that explains nothing opens the pool, too", 8, answer(AmbiguousNotFound, 404), nil, []int{1, 2, 4, 8, 8}},
		{"a new token is tried alone", 8, func(r request) Answer {
			if r.pair == rows[0].Pair && r.attempt == 1 {
				return Answer{Meaning: Renewed, Status: 401}
			}
			return Answer{Meaning: Removed, Status: 204}
		}, nil, []int{1, 1, 2, 4, 8}},
		{"a step waits for the slowest", 8, nil, func(r request) time.Duration {
			if r.pair == rows[1].Pair {
				return 2 * latency
			}
			return 0
		}, []int{1, 2, 0, 0, 4, 8}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := &fakeAPI{latency: latency, remove: tt.remove, jitter: tt.jitter}
				job := testJob()
				job.Workers = tt.workers
				start := time.Now()
				if _, err := job.Run(t.Context(), Revoke, &rowsSource{rows: rows}, api, &memory{}); err != nil {
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

// TestThePoolFillsOnceAnythingWasAnswered: whatever the server makes of the
// requests, and however many of them it does not answer, all workers are used.
func TestThePoolFillsOnceAnythingWasAnswered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		answers := []Meaning{Removed, NotAMember, NoSuchImage, AmbiguousNotFound, Forbidden, Refused}
		trouble := []Meaning{Unavailable, Broken, Unanswered, Unreachable}
		meanings := rapid.SliceOfN(rapid.SampledFrom(answers), 1, 4).Draw(rt, "answers")
		meanings = append(meanings, rapid.SliceOfN(rapid.SampledFrom(trouble), 0, 3).Draw(rt, "trouble")...)
		listed := rapid.SampledFrom([]Meaning{Listed, Forbidden, AmbiguousNotFound}).Draw(rt, "lists")
		seed := rapid.Uint32().Draw(rt, "seed")
		synctest.Test(t, func(*testing.T) {
			s := &simulation{seed: seed}
			api := &fakeAPI{
				latency: time.Second,
				remove: func(r request) Answer {
					return Answer{Meaning: meanings[s.roll(r.pair, r.attempt, len(meanings))], Status: 400}
				},
				members: func(request) (members, Answer) { return members{}, Answer{Meaning: listed, Status: 400} },
			}
			job := testJob()
			job.Workers = 16
			job.Settled = 1 // that all is refused does not stop it
			rows := rowsOf(300)
			for i := range rows {
				rows[i].Pair.ImageID = rows[i%30].ImageID
			}
			if _, err := job.Run(context.Background(), Revoke, &rowsSource{rows: rows}, api, &memory{}); err != nil {
				rt.Fatal(err)
			}
			if api.most != job.Workers {
				rt.Errorf("at most %d requests were in flight, of %d workers", api.most, job.Workers)
			}
		})
	})
}

func TestACrowdGrowsWhenItIsNeededAndServed(t *testing.T) {
	since := time.Now()
	s := slowStart{workers: 100, window: 4, sent: 4, answered: 1, since: since}
	at := since.Add(time.Second) // from here on, where a request runs from at to at
	s.ended(at, at, true, 0)
	tests := []struct {
		name    string
		after   time.Duration
		started time.Time // at unless set
		served  bool
		others  int // in flight
		want    int
	}{
		{"the steps are over", 0, time.Time{}, true, 0, crowd},
		{"not served", 5 * growEvery, time.Time{}, false, crowd - 1, crowd},
		{"sent before the pool began anew", 0, since, true, crowd - 1, crowd},
		{"served", 0, time.Time{}, true, crowd - 1, crowd + 5},
		{"served at the same time", 0, time.Time{}, true, crowd + 4, crowd + 5},
		{"the crowd is smaller than it may be", time.Minute, time.Time{}, true, crowd - 1, crowd + 5},
		{"it has just become so large", 2 * growEvery, time.Time{}, true, crowd + 4, crowd + 7},
		{"all workers", time.Minute, time.Time{}, true, crowd + 6, 100},
	}
	for _, tt := range tests {
		at = at.Add(tt.after)
		started := at
		if !tt.started.IsZero() {
			started = tt.started
		}
		s.ended(started, at, tt.served, tt.others)
		if s.window != tt.want {
			t.Errorf("%s: %d may be in flight; want %d", tt.name, s.window, tt.want)
		}
	}
}
