package pipeline

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
)

// pauses remembers for how long a cloud has asked to be left alone.
type pauses struct {
	mu    sync.Mutex
	asked []pause
}

// A pause runs from an answer to the time that its Retry-After names.
type pause struct{ from, until time.Time }

// watch hands out p's faults, of which those without a delay are answered at
// the time of the request.
func (l *pauses) watch(p imagetest.Policy) imagetest.Policy {
	return func(r imagetest.Request) imagetest.Fault {
		f := p(r)
		if f.RetryAfter == "" {
			return f
		}
		from := r.Time.Add(f.Delay)
		until, err := http.ParseTime(f.RetryAfter)
		if seconds, e := strconv.Atoi(f.RetryAfter); e == nil {
			until, err = from.Add(time.Duration(seconds)*time.Second), nil
		}
		if err != nil {
			panic("a policy of this test asks for " + f.RetryAfter)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked = append(l.asked, pause{from, until})
		return f
	}
}

// check reports the requests that came during a pause.
func (l *pauses) check(t *testing.T, c *imagetest.Cloud) {
	t.Helper()
	if len(l.asked) == 0 {
		t.Error("the cloud never asked for a pause")
	}
	for _, p := range l.asked {
		for _, r := range imageRequests(c) {
			if r.Time.After(p.from) && r.Time.Before(p.until) {
				t.Errorf("a request came %v into a pause of %v", r.Time.Sub(p.from), p.until.Sub(p.from))
				return
			}
		}
	}
}

// TestPipelineKeepsThePauseThatAServerAsksFor: one Retry-After keeps the whole
// pool quiet, in either of its forms, and the row is settled afterwards.
func TestPipelineKeepsThePauseThatAServerAsksFor(t *testing.T) {
	t.Parallel()
	inSeconds := func() string { return "30" }
	asDate := func() string { return time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat) }
	for _, tt := range []struct {
		name       string
		status     int
		retryAfter func() string
	}{
		{"503 with seconds", 503, inSeconds},
		{"503 with a date", 503, asDate},
		{"429 with seconds", 429, inSeconds},
		{"429 with a date", 429, asDate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				pairs := pairsGrid(50, 1)
				c := imagetest.NewCloud()
				shareAll(c, pairs)
				var asked pauses
				c.SetFaults(asked.watch(pipelineFaults(func(r imagetest.Request) imagetest.Fault {
					if r.ImageID == pairs[20].ImageID && r.Attempt == 1 {
						return imagetest.Fault{Status: tt.status, RetryAfter: tt.retryAfter()}
					}
					return imagetest.Fault{}
				})))
				e, err := virtualRun{cloud: c, job: unpaced(5)}.run(dir, pairsFile(pairs))
				if err != nil || e.stopped != nil {
					t.Fatalf("stopped: %v, error: %v", e.stopped, err)
				}
				asked.check(t, c)
				checkClaims(t, c, e.report, pairs)
				if n := countOutcomes(e.report)[batch.Revoked]; n != len(pairs) || e.report[20].attempts != 2 {
					t.Errorf("%d of %d rows revoked, the refused one after %d attempts", n, len(pairs), e.report[20].attempts)
				}
			})
		})
	}
}

// TestPipelineStaysBelowTheServersLimit: a server with a limit of its own is
// asked too much a few times, not once a request, and gets all its pauses.
func TestPipelineStaysBelowTheServersLimit(t *testing.T) {
	t.Parallel()
	const limit, burst = 5, 5
	for name, perSecond := range map[string]float64{
		"at four times the server's rate": 4 * limit,
		"without a rate":                  batch.Unlimited,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				pairs := pairsGrid(500, 1)
				c := imagetest.NewCloud()
				shareAll(c, pairs)
				var asked pauses
				c.SetFaults(asked.watch(pipelineFaults(imagetest.RateLimit(limit, burst))))
				v := virtualRun{cloud: c, job: unpaced(8)}
				v.job.Rate = perSecond
				e, err := v.run(dir, pairsFile(pairs))
				if err != nil || e.stopped != nil {
					t.Fatalf("stopped: %v, error: %v", e.stopped, err)
				}
				asked.check(t, c)
				checkPace(t, c, perSecond)
				checkClaims(t, c, e.report, pairs)
				if n := countOutcomes(e.report)[batch.Revoked]; n != len(pairs) {
					t.Errorf("%d of %d rows revoked", n, len(pairs))
				}
				if 4*e.counts.Throttled > len(pairs) {
					t.Errorf("%d of %d requests were too many", e.counts.Throttled, e.counts.Requests)
				}
				t.Logf("%v of virtual time for %d requests, %d of them throttled", e.took, e.counts.Requests, e.counts.Throttled)
			})
		})
	}
}

// TestPipelineGivesUpARequestThatHangs: an endless answer costs its own row
// the attempts, whose end nobody knows, and the other rows nothing.
func TestPipelineGivesUpARequestThatHangs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		hang imagetest.Fault
	}{
		{"before the share is revoked", imagetest.Hang()},
		{"after the share is revoked", imagetest.Fault{Delay: imagetest.Forever, Apply: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				const hangs = 7
				pairs := pairsGrid(40, 1)
				c := imagetest.NewCloud()
				shareAll(c, pairs)
				c.SetFaults(pipelineFaults(imagetest.ForImage(pairs[hangs].ImageID, imagetest.Always(tt.hang))))
				v := virtualRun{cloud: c, job: unpaced(3)}
				v.job.AttemptTimeout = 5 * time.Second
				began := time.Now()
				e, err := v.run(dir, pairsFile(pairs))
				if err != nil || e.stopped != nil {
					t.Fatalf("stopped: %v, error: %v", e.stopped, err)
				}
				checkClaims(t, c, e.report, pairs)
				checkJournal(t, e)
				for i, r := range e.report {
					switch after := r.finished().Sub(began); {
					case i == hangs:
						if r.outcome != batch.Unknown || r.attempts != 3 || after < 15*time.Second {
							t.Errorf("the row that hangs ended as %s after %d attempts and %v: %s", r.outcome, r.attempts, after, r.message)
						}
					case r.outcome != batch.Revoked || after > 5*time.Second:
						t.Errorf("line %d ended as %s after %v: %s", r.line, r.outcome, after, r.message)
					}
				}
			})
		})
	}
}

// TestPipelineReadsOnceForAnImage: where a gateway answers every DELETE with a
// 404 of its own, one read of an image's list settles all of its rows.
func TestPipelineReadsOnceForAnImage(t *testing.T) {
	t.Parallel()
	const images, members = 4, 25 // fewer images than make a run hopeless
	for _, tt := range []struct {
		name    string
		fault   imagetest.Fault
		shared  bool          // before the run
		outcome batch.Outcome // any when empty
		reads   int           // at most
	}{
		{name: "shares that are still there", fault: imagetest.Status(404), shared: true, outcome: batch.Rejected, reads: images},
		{name: "shares that were gone before", fault: imagetest.Status(404), outcome: batch.Absent, reads: images},
		{name: "shares that are revoked behind the gateway", fault: imagetest.StatusAfter(404), shared: true, reads: images},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				pairs := pairsGrid(images, members)
				c := imagetest.NewCloud()
				for _, p := range pairs {
					c.Share(p.ImageID, pipelineBystander)
					if tt.shared {
						c.Share(p.ImageID, p.MemberID)
					}
				}
				c.SetFaults(pipelineFaults(func(r imagetest.Request) imagetest.Fault {
					if r.Method != http.MethodDelete {
						return imagetest.Fault{}
					}
					return tt.fault
				}))
				e, err := virtualRun{cloud: c, job: unpaced(5)}.run(dir, pairsFile(pairs))
				if err != nil || e.stopped != nil {
					t.Fatalf("stopped: %v, error: %v", e.stopped, err)
				}
				checkPlainReport(t, e.report, pairs)
				checkClaims(t, c, e.report, pairs)
				checkUntouched(t, c, pairs)
				for _, r := range e.report {
					if tt.outcome != "" && r.outcome != tt.outcome {
						t.Errorf("line %d ended as %s: %s", r.line, r.outcome, r.message)
					}
				}
				if n := e.counts.Reads; n > tt.reads || e.counts.Requests != len(pairs)+n {
					t.Errorf("%d requests, %d of them reads, for %d rows of %d images", e.counts.Requests, n, len(pairs), images)
				}
			})
		})
	}
}
