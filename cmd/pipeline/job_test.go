package pipeline

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/exit"
)

// badDay is a cloud's bad day: a fifth of all requests fail, half of the 500s
// and of the cut connections after the share was revoked.
func badDay(seed uint64, throttled float64) imagetest.Policy {
	return imagetest.Mix(seed,
		imagetest.Chance{P: 0.10, Fault: imagetest.Status(503)},
		imagetest.Chance{P: 0.025, Fault: imagetest.Status(500)},
		imagetest.Chance{P: 0.025, Fault: imagetest.StatusAfter(500)},
		imagetest.Chance{P: 0.015, Fault: imagetest.CutBefore()},
		imagetest.Chance{P: 0.015, Fault: imagetest.CutAfter()},
		imagetest.Chance{P: throttled, Fault: imagetest.Fault{Status: 429, RetryAfter: "1"}},
	)
}

// TestPipelineSettlesEveryRow is the job that the program is for: thousands of
// shares, on a bad day of the cloud.
func TestPipelineSettlesEveryRow(t *testing.T) {
	t.Parallel()
	const images, members, attempts = 250, 20, 12
	for _, tt := range []struct {
		name string
		rate float64
	}{
		{"at fifty requests a second", 50},
		{"without a rate", batch.Unlimited},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				pairs := pairsGrid(images, members)
				c := imagetest.NewCloud()
				for i, p := range pairs {
					c.Share(p.ImageID, pipelineBystander)
					if i%100 != 7 { // the others are gone already
						c.Share(p.ImageID, p.MemberID)
					}
				}
				other := pairsGrid(images+5, members)[len(pairs):] // of images that no row names
				shareAll(c, other)
				c.SetFaults(pipelineFaults(badDay(1, 0.03)))
				v := virtualRun{cloud: c, job: unpaced(attempts)}
				v.job.Rate = tt.rate
				e, err := v.run(dir, pairsFile(pairs))
				if err != nil || e.stopped != nil {
					t.Fatalf("stopped: %v, error: %v", e.stopped, err)
				}
				checkPlainReport(t, e.report, pairs)
				checkClaims(t, c, e.report, pairs)
				checkJournal(t, e)
				checkUntouched(t, c, pairs)
				checkPace(t, c, tt.rate)
				checkBadDay(t, c, e, attempts, v.job.Workers)
				for _, p := range other {
					if !c.Shared(p.ImageID, p.MemberID) {
						t.Errorf("%v was revoked, and no row names it", p)
					}
				}
				s := c.Stats()
				t.Logf("%v of virtual time, %d requests, %d throttled, %d reads, statuses %v, outcomes %v",
					e.took, e.counts.Requests, e.counts.Throttled, e.counts.Reads, s.Statuses, countOutcomes(e.report))
			})
		})
	}
}

// checkBadDay sees that all rows are settled within their attempts, and that
// the day was bad.
func checkBadDay(t *testing.T, c *imagetest.Cloud, e ending, attempts, workers int) {
	t.Helper()
	lost := 0
	for _, r := range e.report {
		if r.outcome != batch.Revoked && r.outcome != batch.Absent || r.attempts > attempts {
			t.Errorf("line %d ended as %s after %d attempts: %s", r.line, r.outcome, r.attempts, r.message)
		}
		if r.outcome == batch.Absent && strings.Contains(r.message, "lost") {
			lost++
		}
	}
	s := c.Stats()
	for _, status := range []int{0, 204, 404, 429, 500, 503} {
		if s.Statuses[status] == 0 {
			t.Errorf("nothing was answered with %d", status)
		}
	}
	if lost == 0 {
		t.Error("no row was found gone after an answer was lost")
	}
	if s.Requests != e.counts.Requests || s.MaxInFlight > workers {
		t.Errorf("the cloud counts %d requests, %d at once; the run %d with %d workers", s.Requests, s.MaxInFlight, e.counts.Requests, workers)
	}
}

// TestPipelineProvesNothingWithForeignCredentials: with the credentials of
// another project no row may be called absent, however the cloud words it.
func TestPipelineProvesNothingWithForeignCredentials(t *testing.T) {
	t.Parallel()
	const stranger = "ffffffffffffffffffffffffffffffff"
	visibility := func(v imagetest.Visibility) func(*imagetest.Cloud, []batch.Pair) {
		return func(c *imagetest.Cloud, pairs []batch.Pair) {
			for _, p := range pairs {
				c.AddImage(imagetest.Image{ID: p.ImageID, Visibility: v})
			}
		}
	}
	for _, tt := range []struct {
		name    string
		arrange func(*imagetest.Cloud, []batch.Pair)
		project string
		roles   []string
		outcome batch.Outcome
		reads   bool
	}{
		{name: "a project that sees none of the images", project: stranger, outcome: batch.NotFound},
		{name: "a project that sees images which are public", project: stranger, arrange: visibility(imagetest.Public), outcome: batch.Denied},
		{name: "a project that the images are shared with", project: pipelineBystander, outcome: batch.Denied},
		{name: "the right project without the right to read", roles: []string{imagetest.RoleMember}, outcome: batch.NotFound, reads: true,
			arrange: func(c *imagetest.Cloud, _ []batch.Pair) { c.SecureRBAC = true }},
		{name: "an endpoint that is another service", outcome: batch.NotFound, reads: true,
			arrange: func(c *imagetest.Cloud, _ []batch.Pair) { c.ImagePrefix = "/elsewhere" }},
		{name: "a project that the images are shared with, where roles count", project: pipelineBystander, outcome: batch.NotFound, reads: true,
			arrange: func(c *imagetest.Cloud, _ []batch.Pair) { c.SecureRBAC = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				pairs := pairsGrid(200, 2)
				c := imagetest.NewCloud()
				shareAll(c, pairs)
				if tt.arrange != nil {
					tt.arrange(c, pairs)
				}
				c.SetFaults(imagetest.Always(imagetest.Delay(40 * time.Millisecond)))
				v := virtualRun{cloud: c, job: unpaced(5), project: tt.project, roles: tt.roles}
				e, err := v.run(dir, pairsFile(pairs))
				if err != nil {
					t.Fatal(err)
				}
				if !errors.Is(e.stopped, batch.ErrSameRefusal) || exit.Code(e.stopped, false) != exit.Stopped {
					t.Errorf("the run ended with %v, exit code %d", e.stopped, exit.Code(e.stopped, false))
				}
				checkPlainReport(t, e.report, pairs)
				checkJournal(t, e)
				for _, r := range e.report {
					if r.outcome != tt.outcome && r.outcome != batch.Skipped {
						t.Errorf("line %d is called %s: %s", r.line, r.outcome, r.message)
					}
				}
				if n := c.Stats().MembersRemoved; n != 0 {
					t.Errorf("%d shares were revoked", n)
				}
				// Five images make up its mind; those under way come on top.
				most := 5*2 + v.job.Workers
				if tt.reads {
					most *= 2
				}
				if e.counts.Requests > most || (e.counts.Reads > 0) != tt.reads {
					t.Errorf("%d requests, %d of them reads; want at most %d", e.counts.Requests, e.counts.Reads, most)
				}
				t.Logf("%d requests: %v", e.counts.Requests, e.stopped)
			})
		})
	}
}
