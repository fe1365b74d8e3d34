package resilience

import (
	"testing"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

// TestNetworkThatIsOnlySlow: what is slow and whole costs no row an attempt.
func TestNetworkThatIsOnlySlow(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]trouble{
		"latency with jitter":         {requests: true, answers: true, latency: 15 * time.Millisecond},
		"little bandwidth":            {answers: true, perSecond: 20 << 10},
		"answers in very small parts": {answers: true, slice: 3},
		"connections that close late": {answers: true, closesLate: 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 10, 8)
			s.startProxy(t).set(slow)
			s.run("--attempt-timeout", "10s").expect(t, exit.Settled)
			if n := s.judge(t)[batch.Revoked]; n != len(s.pairs) {
				t.Errorf("%d of %d rows are revoked", n, len(s.pairs))
			}
			if n := s.cloud.Stats().Requests; n != len(s.pairs) {
				t.Errorf("%d requests for %d rows", n, len(s.pairs))
			}
		})
	}
}

// TestNetworkThatBreaksInMidRun: connections break for a while, with requests
// and answers on them. No row is lost, and none is called what it is not.
func TestNetworkThatBreaksInMidRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		trouble trouble
		// answersLost says that requests arrive whose answers do not: their
		// rows turn out to be absent.
		answersLost bool
	}{
		{"answers are reset", trouble{answers: true, resets: true}, true},
		{"requests are reset", trouble{requests: true, resets: true}, false},
		{"answers never come", trouble{answers: true, swallows: true}, true},
		{"requests never arrive", trouble{requests: true, swallows: true}, false},
		{"connections end without a word", trouble{answers: true, ends: true}, true},
		{"answers are cut in their status line", trouble{answers: true, limit: 11}, true},
		{"answers are cut in their headers", trouble{answers: true, limit: 40}, true},
		{"requests are cut", trouble{requests: true, limit: 60}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 25, 8)
			p := s.startProxy(t)
			ended, release := s.interrupt(t, 50, func() siteRun { return s.run("--attempt-timeout", "1500ms", "--workers", "4") })
			p.set(tt.trouble)
			release()
			time.Sleep(250 * time.Millisecond)
			p.set(trouble{})

			(<-ended).expect(t, exit.Settled)
			counts := s.judgeSettled(t)
			if absent := counts[batch.Absent]; (absent > 0) != tt.answersLost {
				t.Errorf("%d rows are absent: %v", absent, counts)
			}
		})
	}
}

// TestNetworkThatIsDownAndUpAgain: an outage within the patience is waited out,
// and takes no row's attempts.
func TestNetworkThatIsDownAndUpAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, 25, 8)
	p := s.startProxy(t)
	ended, release := s.interrupt(t, 50, func() siteRun { return s.run("--log-level", "info") })
	p.down()
	release()
	time.Sleep(2250 * time.Millisecond)
	p.up()
	(<-ended).expect(t, exit.Settled, "no request is served, waiting")
	s.judgeSettled(t)
}

// TestNetworkThatStaysDown: an outage beyond the patience stops the run. What
// is left goes on with --resume.
func TestNetworkThatStaysDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, 25, 8)
	p := s.startProxy(t)
	ended, release := s.interrupt(t, 50, func() siteRun { return s.run("--outage-patience", "1500ms") })
	p.down()
	release()
	(<-ended).expect(t, exit.Stopped, "the server did not recover", "--resume")
	first := s.judge(t)
	if first[batch.Revoked] == 0 || first[batch.Skipped] == 0 || first[batch.Failed] > 0 {
		t.Errorf("the outage made of the rows: %v", first)
	}
	requests := s.requests()

	s.run("--resume", "--outage-patience", "500ms").expect(t, exit.Stopped, "the server did not recover")
	s.judge(t)
	if n := s.requests(); n != requests {
		t.Errorf("%d requests came through a network that is down", n-requests)
	}

	p.up()
	s.run("--resume").expect(t, exit.Settled)
	s.judgeSettled(t)
	// A row that was settled is not sent again, the others once more.
	if n := s.requests() - requests; n != len(s.pairs)-first[batch.Revoked]-first[batch.Absent] {
		t.Errorf("%d requests for the rest; the first run had left %v", n, first)
	}
}
