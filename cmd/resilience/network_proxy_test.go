package resilience

import (
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

// startProxy puts a bad network between the program and the Image API.
func (s *site) startProxy(t *testing.T) *toxiproxy.Proxy {
	t.Helper()
	nobody := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(nobody, t.Name(), "127.0.0.1:0", strings.TrimPrefix(s.server.URL, "http://"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	s.endpoint = "http://" + p.Listen
	return p
}

func addToxic(t *testing.T, p *toxiproxy.Proxy, toxic string) {
	t.Helper()
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatal(err)
	}
}

// TestNetworkThatIsOnlySlow: what is slow and whole costs no row an attempt.
func TestNetworkThatIsOnlySlow(t *testing.T) {
	t.Parallel()
	for name, toxics := range map[string][]string{
		"latency with jitter": {
			`{"type": "latency", "stream": "upstream", "attributes": {"latency": 15, "jitter": 15}}`,
			`{"type": "latency", "stream": "downstream", "attributes": {"latency": 15, "jitter": 15}}`,
		},
		"little bandwidth":            {`{"type": "bandwidth", "attributes": {"rate": 20}}`},
		"answers in very small parts": {`{"type": "slicer", "attributes": {"average_size": 3, "size_variation": 2, "delay": 10}}`},
		"connections that close late": {`{"type": "slow_close", "attributes": {"delay": 200}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 10, 8)
			p := s.startProxy(t)
			for _, toxic := range toxics {
				addToxic(t, p, toxic)
			}
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
		name, toxic string
		// answersLost says that requests arrive whose answers do not: their
		// rows turn out to be absent.
		answersLost bool
	}{
		{"answers are reset", `{"type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 0}}`, true},
		{"requests are reset", `{"type": "reset_peer", "stream": "upstream", "attributes": {"timeout": 0}}`, false},
		{"answers never come", `{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`, true},
		{"requests never arrive", `{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`, false},
		{"connections end without a word", `{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 50}}`, true},
		{"answers are cut in their status line", `{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 11}}`, true},
		{"answers are cut in their headers", `{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 40}}`, true},
		{"requests are cut", `{"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 60}}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 25, 8)
			p := s.startProxy(t)
			ended, release := s.interrupt(t, 50, func() siteRun { return s.run("--attempt-timeout", "1500ms", "--workers", "4") })
			addToxic(t, p, tt.toxic)
			release()
			time.Sleep(250 * time.Millisecond)
			p.Toxics.ResetToxics(t.Context())

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
	p.Stop()
	release()
	time.Sleep(2250 * time.Millisecond)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
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
	p.Stop()
	release()
	(<-ended).expect(t, exit.Stopped, "the server does not come back", "--resume")
	first := s.judge(t)
	if first[batch.Revoked] == 0 || first[batch.Skipped] == 0 || first[batch.Failed] > 0 {
		t.Errorf("the outage made of the rows: %v", first)
	}
	requests := s.requests()

	s.run("--resume", "--outage-patience", "500ms").expect(t, exit.Stopped, "the server does not come back")
	s.judge(t)
	if n := s.requests(); n != requests {
		t.Errorf("%d requests came through a network that is down", n-requests)
	}

	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	s.run("--resume").expect(t, exit.Settled)
	s.judgeSettled(t)
	// A row that was settled is not sent again, the others once more.
	if n := s.requests() - requests; n != len(s.pairs)-first[batch.Revoked]-first[batch.Absent] {
		t.Errorf("%d requests for the rest; the first run had left %v", n, first)
	}
}
