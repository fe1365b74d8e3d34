package batch

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestWhateverTheServerDoes holds what is promised of every run: each row that
// was begun ends once, an outcome claims nothing that the server did not do,
// and neither attempts nor pace nor workers go over what the job allows.
func TestWhateverTheServerDoes(t *testing.T) {
	meanings := []Meaning{
		Removed, Removed, Removed, NotAMember, NoSuchImage, Unproved, Forbidden, Refused,
		Throttled, Unavailable, Broken, Unanswered, Unreachable, Renewed,
	}
	rapid.Check(t, func(rt *rapid.T) {
		job := &Job{
			Workers:        rapid.IntRange(1, 20).Draw(rt, "workers"),
			Rate:           rapid.SampledFrom([]float64{1, 7, 100, Unlimited}).Draw(rt, "rate"),
			Attempts:       rapid.IntRange(1, 6).Draw(rt, "attempts"),
			AttemptTimeout: time.Minute,
		}
		if rapid.Bool().Draw(rt, "budget") {
			job.MaxDuration = time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds")) * time.Second
		}
		if rapid.Bool().Draw(rt, "patient") {
			job.OutagePatience = time.Duration(rapid.IntRange(1, 600).Draw(rt, "patience")) * time.Second
		}
		rows := rowsOf(rapid.IntRange(0, 60).Draw(rt, "rows"))
		seed := rapid.Uint32().Draw(rt, "seed")
		roll := func(p Pair, attempt, of int) int {
			h := seed
			for _, c := range fmt.Sprint(p, attempt) {
				h = (h ^ uint32(c)) * 16777619
			}
			return int(h>>8) % of
		}
		applied := make(map[Pair]bool)
		api := &fakeAPI{latency: time.Duration(rapid.IntRange(0, 900).Draw(rt, "ms")) * time.Millisecond}
		api.remove = func(r request) Answer {
			a := Answer{Meaning: meanings[roll(r.pair, r.attempt, len(meanings))]}
			if roll(r.pair, -r.attempt, 3) == 0 && a.Meaning.transient() {
				a.RetryAfter = time.Duration(roll(r.pair, r.attempt, 20)) * time.Second
			}
			if a.Meaning == Removed || a.Meaning.maybeApplied() && roll(r.pair, r.attempt, 2) == 0 {
				applied[r.pair] = true
			}
			return a
		}
		api.members = func(r request) (Members, Answer) { // nobody is left, or the read fails
			if roll(r.pair, r.attempt, 2) == 0 {
				return Members{}, Answer{Meaning: Unavailable}
			}
			return Members{Complete: true}, Answer{Meaning: Listed}
		}
		rec := &memory{}
		var err error
		synctest.Test(t, func(*testing.T) {
			_, err = job.Run(context.Background(), &rowsSource{rows: rows}, api, rec)
		})

		seen := make(map[int]bool)
		for _, r := range rec.results {
			if seen[r.Row.Seq] {
				rt.Fatalf("row %d ended twice", r.Row.Seq)
			}
			seen[r.Row.Seq] = true
			if r.Attempts < 1 || r.Attempts > job.Attempts {
				rt.Errorf("row %d had %d attempts of %d", r.Row.Seq, r.Attempts, job.Attempts)
			}
			switch {
			case r.Outcome == Revoked && !applied[r.Row.Pair]:
				rt.Errorf("row %d is called revoked, and was not", r.Row.Seq)
			case (r.Outcome == Failed || r.Outcome == Skipped) && applied[r.Row.Pair]:
				rt.Errorf("row %d is called %s, and was revoked", r.Row.Seq, r.Outcome)
			case r.FinishedAt.IsZero() || r.Duration < 0:
				rt.Errorf("row %d ended at %v after %v", r.Row.Seq, r.FinishedAt, r.Duration)
			}
		}
		if err == nil && len(rec.results) != len(rows) {
			rt.Errorf("%d of %d rows ended in a run that was not stopped", len(rec.results), len(rows))
		}
		if rec.flushed != len(rec.results) {
			rt.Errorf("%d of %d results were flushed", rec.flushed, len(rec.results))
		}
		if api.most > job.Workers {
			rt.Errorf("%d requests in flight with %d workers", api.most, job.Workers)
		}
		if most := mostInWindow(starts(api), time.Second); float64(most) > 1.03*job.Rate+1 {
			rt.Errorf("%d requests in one second at a rate of %v", most, job.Rate)
		}
		for p := range api.attempts {
			if seq := rowOf(rows, p); seq >= 0 && !seen[seq] && err == nil {
				rt.Errorf("row %d was sent and has no result", seq)
			}
		}
	})
}

func rowOf(rows []Row, p Pair) int {
	for _, r := range rows {
		if r.Pair == p {
			return r.Seq
		}
	}
	return -1
}
