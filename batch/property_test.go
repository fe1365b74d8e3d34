package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestWhateverTheServerDoes holds what is promised of every run, however the
// server answers and whatever ends it: each row that was begun ends once, an
// outcome claims nothing that the server did not do, and neither attempts nor
// reads nor pace nor workers go over what the job allows.
func TestWhateverTheServerDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSimulation(rt)
		var err error
		var stoppedAt time.Time
		synctest.Test(t, func(*testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			if s.interruptAfter > 0 {
				defer time.AfterFunc(s.interruptAfter, func() {
					stoppedAt = time.Now()
					cancel(errInterrupted)
				}).Stop()
			}
			_, err = s.do(ctx, &rowsSource{rows: s.rows}, s.api, s.rec)
		})
		s.checkResults(rt, err)
		s.checkRequests(rt, stoppedAt)
		s.checkEnd(rt, err)
	})
}

var errInterrupted = errors.New("interrupted")

// A simulation is a job, and a server that keeps shares and lies about none of
// them, however badly it serves.
type simulation struct {
	job            *Job
	restores       bool
	rows           []Row
	rec            *memory
	api            *fakeAPI
	interruptAfter time.Duration

	seed      uint32
	listsFail int // of 20
	shares    map[Pair]bool
	applied   map[Pair]bool // by an attempt for this row
}

func drawSimulation(rt *rapid.T) *simulation {
	s := &simulation{
		job: &Job{
			Workers:        rapid.IntRange(1, 20).Draw(rt, "workers"),
			Rate:           rapid.SampledFrom([]float64{1, 7, 100, Unlimited}).Draw(rt, "rate"),
			Attempts:       rapid.IntRange(1, 6).Draw(rt, "attempts"),
			AttemptTimeout: time.Minute,
			OutagePatience: rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(rt, "patience"),
		},
		restores: rapid.Bool().Draw(rt, "restores"),
		rows:     rowsOf(rapid.IntRange(0, 60).Draw(rt, "rows")),
		rec:      &memory{},
		seed:     rapid.Uint32().Draw(rt, "seed"),
		shares:   make(map[Pair]bool),
		applied:  make(map[Pair]bool),
	}
	switch rapid.IntRange(0, 7).Draw(rt, "end") {
	case 0:
		s.job.MaxDuration = time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds")) * time.Second
	case 1, 2:
		s.interruptAfter = time.Duration(rapid.IntRange(1, 60_000).Draw(rt, "interrupt")) * time.Millisecond
	case 3:
		s.rec.failFrom = rapid.IntRange(1, 60).Draw(rt, "record fails")
	case 4:
		s.rec.flushFailFrom = rapid.IntRange(1, 60).Draw(rt, "flush fails")
	case 5:
		s.job.MaxFailures = Allowance{rows: rapid.IntRange(0, 20).Draw(rt, "failures"), set: true}
	}
	perImage := rapid.IntRange(1, 5).Draw(rt, "rows of an image")
	for i := range s.rows {
		s.rows[i].Pair.ImageID = s.rows[i/perImage*perImage].Pair.ImageID
		s.shares[s.rows[i].Pair] = s.roll(Pair{}, i, 5) > 0 != s.restores
	}
	s.listsFail = rapid.IntRange(0, 20).Draw(rt, "twentieths of the lists that fail")
	slowest := rapid.IntRange(1, 2000).Draw(rt, "ms")
	refuses := rapid.SampledFrom([]int{0, 0, 100}).Draw(rt, "one 401 in")
	s.api = &fakeAPI{
		latency: time.Millisecond,
		jitter: func(r request) time.Duration {
			if r.attempt > 10_000 {
				panic("the run does not end")
			}
			return time.Duration(s.roll(r.pair, r.attempt, slowest)) * time.Millisecond
		},
		remove:  func(r request) Answer { return s.change(r, refuses, Removed, NotAMember, AmbiguousNotFound) },
		add:     func(r request) Answer { return s.change(r, refuses, Added, AlreadyMember, Conflict) },
		members: s.members,
	}
	return s
}

// roll is a number below of that depends on nothing but the request.
func (s *simulation) roll(p Pair, attempt, of int) int {
	h := s.seed
	for _, c := range fmt.Sprint(p, attempt) {
		h = (h ^ uint32(c)) * 16777619
	}
	return int(h>>8) % of
}

func (s *simulation) do(ctx context.Context, src Source, api API, rec Recorder) (Summary, error) {
	if s.restores {
		return s.job.Run(ctx, Restore, src, api, rec)
	}
	return s.job.Run(ctx, Revoke, src, api, rec)
}

// change answers a request that ends as done, as needless when things are so
// already, or as open when the server does not say.
func (s *simulation) change(r request, refuses int, done, needless, open Meaning) Answer {
	meanings := []Meaning{
		done, done, done, done, NoSuchImage, AmbiguousNotFound, open, Forbidden, Refused,
		Throttled, Unavailable, Broken, Unanswered, Unreachable, Renewed,
	}
	if refuses > 0 && s.roll(r.pair, -r.attempt, refuses) == 0 {
		return Answer{Meaning: Unauthorized, Status: 401}
	}
	a := Answer{Meaning: meanings[s.roll(r.pair, r.attempt, len(meanings))]}
	if s.foreign(r.pair.ImageID) && (a.Meaning == done || a.Meaning.maybeApplied()) {
		a.Meaning = Forbidden // only the owner of an image can change its members
	}
	if a.Meaning.transient() && s.roll(r.pair, -r.attempt, 3) == 0 {
		a.RetryAfter = time.Duration(s.roll(r.pair, r.attempt, 20)) * time.Second
	}
	already := s.shares[r.pair] == s.restores
	if a.Meaning == done && already {
		a.Meaning = needless
	}
	if a.Meaning == done || a.Meaning.maybeApplied() && !already && s.roll(r.pair, r.attempt, 2) == 0 {
		s.shares[r.pair], s.applied[r.pair] = s.restores, true
	}
	return a
}

// foreign reports whether the image is somebody else's, who shows us only
// ourselves.
func (s *simulation) foreign(imageID string) bool { return s.roll(Pair{ImageID: imageID}, 0, 4) == 0 }

func (s *simulation) members(r request) (members, Answer) {
	if s.roll(r.pair, r.attempt, 20) < s.listsFail {
		return members{}, Answer{Meaning: Unavailable}
	}
	if s.foreign(r.pair.ImageID) {
		return members{IDs: []string{"ourselves"}}, Answer{Meaning: Listed}
	}
	m := members{Complete: true}
	for p, shared := range s.shares {
		if shared && p.ImageID == r.pair.ImageID {
			m.IDs = append(m.IDs, p.MemberID)
		}
	}
	return m, Answer{Meaning: Listed}
}

func (s *simulation) checkResults(rt *rapid.T, err error) {
	seen := make(map[Pair]bool)
	for _, r := range s.rec.results {
		p := r.Row.Pair
		switch {
		case seen[p]:
			rt.Errorf("row %d ended twice", r.Row.Seq)
		case r.Attempts < 1 || r.Attempts > s.job.Attempts:
			rt.Errorf("row %d had %d attempts of %d", r.Row.Seq, r.Attempts, s.job.Attempts)
		case r.FinishedAt.IsZero() || r.Duration <= 0:
			rt.Errorf("row %d ended at %v after %v", r.Row.Seq, r.FinishedAt, r.Duration)
		case (r.Outcome == Revoked || r.Outcome == Restored) && !s.applied[p]:
			rt.Errorf("row %d is called %s, and was not", r.Row.Seq, r.Outcome)
		case r.Outcome.Settled() && (s.shares[p] != s.restores || (r.Outcome == Restored || r.Outcome == Present) != s.restores):
			rt.Errorf("row %d is called %s, and the share stands: %v", r.Row.Seq, r.Outcome, s.shares[p])
		case (r.Outcome == Failed || r.Outcome == Skipped) && s.applied[p]:
			rt.Errorf("row %d is called %s, and was done", r.Row.Seq, r.Outcome)
		case r.Outcome == Skipped && err == nil:
			rt.Errorf("row %d is skipped in a run that was not stopped", r.Row.Seq)
		}
		seen[p] = true
	}
	if s.rec.failFrom > 0 || s.rec.flushFailFrom > 0 {
		return // what could not be recorded is missing
	}
	if s.rec.flushed != len(s.rec.results) {
		rt.Errorf("%d of %d results were flushed", s.rec.flushed, len(s.rec.results))
	}
	for _, r := range s.api.requests {
		if r.pair.MemberID != "" && !seen[r.pair] && r.answer.Meaning != Renewed {
			rt.Errorf("%v was sent and has no result", r.pair)
		}
	}
}

func (s *simulation) checkRequests(rt *rapid.T, stoppedAt time.Time) {
	reads := make(map[string]int)
	for _, r := range s.api.requests {
		if r.pair.MemberID == "" {
			reads[r.pair.ImageID]++
		}
	}
	for image, n := range reads {
		// The reads of an outage are bounded by its patience.
		if most := (1 + maxRereads + maxFailures) * s.job.Attempts; n > most && s.job.OutagePatience == 0 {
			rt.Errorf("the list of %s was read %d times; want at most %d", image, n, most)
		}
	}
	if s.api.most > s.job.Workers {
		rt.Errorf("%d requests in flight with %d workers", s.api.most, s.job.Workers)
	}
	if most := mostInWindow(starts(s.api), time.Second); float64(most) > 1.03*s.job.Rate+1 {
		rt.Errorf("%d requests in one second at a rate of %v", most, s.job.Rate)
	}
	for i, r := range s.api.requests {
		if !stoppedAt.IsZero() && r.at.After(stoppedAt) {
			rt.Errorf("request %d started %v after the interrupt", i, r.at.Sub(stoppedAt))
		}
		if !s.mayStart(i) {
			rt.Errorf("request %d, at %v, does not go alone", i, r.at)
		}
	}
}

// mayStart reports whether the i-th request goes alone, or the server has
// answered anything since it last asked to be left alone.
func (s *simulation) mayStart(i int) bool {
	at := s.api.requests[i].at
	var aloneSince time.Time
	company := false
	for j, r := range s.api.requests {
		slowedDown := r.answer.Meaning == Throttled || r.answer.Meaning.transient() && r.answer.RetryAfter > 0
		if slowedDown && r.answered.Before(at) && r.answered.After(aloneSince) {
			aloneSince = r.answered
		}
		company = company || j < i && r.answered.After(at)
	}
	return !company || slices.ContainsFunc(s.api.requests, func(r *request) bool {
		return r.answer.answered() && r.at.After(aloneSince) && !r.answered.After(at)
	})
}

// checkEnd holds that a run which ends early says why.
func (s *simulation) checkEnd(rt *rapid.T, err error) {
	if err == nil && len(s.rec.results) != len(s.rows) {
		rt.Errorf("%d of %d rows ended in a run that was not stopped", len(s.rec.results), len(s.rows))
	}
	lost := s.rec.flushFailFrom > 0 && len(s.rec.results) >= s.rec.flushFailFrom
	if lost && !errors.Is(err, ErrRecorder) {
		rt.Errorf("err = %v; want ErrRecorder, results were lost", err)
	}
	for end, possible := range map[error]bool{
		ErrRecorder:        s.rec.failFrom > 0 || lost,
		ErrTooManyFailures: s.job.MaxFailures.set,
		ErrTimeBudget:      s.job.MaxDuration > 0,
		ErrOutage:          s.job.OutagePatience > 0,
		errInterrupted:     s.interruptAfter > 0,
		ErrSource:          false,
	} {
		if errors.Is(err, end) && !possible {
			rt.Errorf("err = %v, for no reason", err)
		}
	}
}
