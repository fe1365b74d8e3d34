//go:build e2e

package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"imsrevoke/cmd/internal/programtest"
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
	{"Keystone", []string{"keystone-brief", "keystone"}, true, 4, 50, "20/s"},
	{"the database", []string{"mariadb"}, false, 4, 75, "50/s"},
}

const longerThanATokenLives = 8 * time.Second

// testOutages: a run waits an outage out, and loses nothing.
func testOutages(t *testing.T, s *site) {
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			c, j, v := o.happen(t, s)
			e := j.end(v, "pairs.report.csv")
			c.settled(t, e)
			if !strings.Contains(e.output, "retrying") {
				t.Errorf("the run has not noticed the outage\n%s", e.output)
			}
			t.Logf("%d rows: %v", len(e.rows), e.outcomes())
		})
	}
}

// happen starts a run and lets the outage come and go.
func (o outage) happen(t *testing.T, s *site) (*crowd, *job, *programtest.Process) {
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
	v.Live(longerThanATokenLives)
	for _, service := range slices.Backward(o.down) {
		s.up(t, service)
	}
	return c, j, v
}

// testEverything: a job of 2,000 pairs, whose tokens end every few seconds,
// while Glance is killed and started again and the database goes and comes
// back. Nothing is lost, and nothing else is touched.
func testEverything(t *testing.T, s *site) {
	c := newCrowd(t, s.glance, 20, 100)
	j := s.newJob(t, s.people["owner"].environment(s.brief, "default"), c.pairs...)
	v := j.start("--rate", "100/s", "--log-level", "info")
	j.reach(v, 400)
	s.down(t, "glance")
	s.up(t, "glance")
	j.reach(v, 1000)
	s.down(t, "mariadb")
	v.Live(longerThanATokenLives)
	s.up(t, "mariadb")
	e := j.end(v, "pairs.report.csv")
	c.settled(t, e)
	for what, trace := range map[string]*regexp.Regexp{
		"that Glance was killed":     regexp.MustCompile(`retrying.* (connection refused|closed before|reset)`),
		"that the database was out":  regexp.MustCompile(`retrying.* status=500`),
		"that its tokens have ended": regexp.MustCompile(`(?s)(credential renewed.*){3}`),
	} {
		if !trace.MatchString(e.output) {
			t.Errorf("the run has not noticed %s\n%s", what, e.output)
		}
	}
	t.Logf("%d rows: %v, %d renewals", len(e.rows), e.outcomes(), strings.Count(e.output, "credential renewed"))
}

// testValidation: Glance unable to reach Keystone about tokens, and says 401 to each
// new one, however good, while the run has no trouble to get one. It has
// accepted others before, so that this is an outage, and not the end.
func testValidation(t *testing.T, s *site) {
	c, j, v := outage{"", []string{"keystone"}, true, 4, 50, "20/s"}.happen(t, s)
	e := j.end(v, "pairs.report.csv")
	c.settled(t, e)
	if !strings.Contains(e.output, "unable to reach Keystone") {
		t.Errorf("the run has not noticed\n%s", e.output)
	}
}
