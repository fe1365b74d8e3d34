//go:build e2e

package main_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// An outage takes services down in the middle of a run, in their order, and up
// again in the opposite one after a while.
type outage struct {
	name string
	down []string
	// brief says that the run's tokens live for seconds, so that it needs new
	// ones before the outage is over.
	brief           bool
	images, members int
	rate            string
}

var outages = []outage{
	{"Glance", []string{"glance"}, false, 20, 100, "unlimited"},
	{"Keystone", []string{"keystone-brief", "keystone"}, true, 4, 50, "20/s"},
	{"the database", []string{"mariadb"}, false, 4, 100, "100/s"},
	{"the database, while tokens end", []string{"mariadb"}, true, 4, 50, "20/s"},
}

// testOutages: a run waits an outage out, and loses nothing.
func testOutages(t *testing.T, s *site) {
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			c, j, v := o.happen(t, s)
			e := j.end(v, "pairs.report.csv")
			c.settled(t, e)
			if !strings.Contains(e.output, "trying again") {
				t.Errorf("the run has not noticed the outage\n%s", e.output)
			}
			t.Logf("%d rows: %v", len(e.rows), e.outcomes())
		})
	}
}

// happen starts a run and lets the outage come and go.
func (o outage) happen(t *testing.T, s *site) (*crowd, *job, *victim) {
	t.Helper()
	c := newCrowd(t, s.glance, o.images, o.members)
	keystone := s.keystone
	if o.brief {
		keystone = s.brief
	}
	j := s.newJob(t, s.people["owner"].environment(keystone, "default"), c.pairs...)
	v := j.start("--rate", o.rate, "--log-level", "info")
	j.reach(v, len(c.pairs)/4)
	for _, service := range o.down {
		s.down(t, service)
	}
	const longerThanATokenLives = 5 * time.Second
	v.live(longerThanATokenLives)
	for _, service := range slices.Backward(o.down) {
		s.up(t, service)
	}
	return c, j, v
}

// testValidation: Glance cannot ask Keystone about tokens, and says 401 to each
// new one, however good. To the run this looks as if its credentials were
// refused: it may stop, but it loses nothing, and goes on by --resume.
func testValidation(t *testing.T, s *site) {
	c, j, v := outage{"", []string{"keystone"}, true, 4, 50, "20/s"}.happen(t, s)
	e := j.end(v, "pairs.report.csv")
	c.judge(t, e)
	t.Logf("exit code %d: %v", e.code, e.outcomes())
	if e.code != 0 {
		e = j.run("--resume", "--rate", "unlimited")
	}
	c.settled(t, e)
}
