//go:build e2e

package e2e

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"imsrevoke/batch"
)

// testHazards: ids that turn the request for a member into one for an image,
// with one client or another, are invalid, and every image survives.
func testHazards(t *testing.T, s *site) {
	c := newCrowd(t, s.glance, 2, 1)
	image, member, other := c.pairs[0].ImageID, c.pairs[0].MemberID, c.pairs[1].ImageID
	pairs := []batch.Pair{c.pairs[0]}
	for _, odd := range []string{image + "?", image + "#", image + "/", image + "%3F", image + "/../" + other, "../" + other, "..", "*"} {
		pairs = append(pairs, batch.Pair{ImageID: odd, MemberID: member})
	}
	for _, odd := range []string{"..", ".", "../", "%2e%2e", "../../" + other, "x/../..", "?", "#", "a/b", "../../" + other + "?", "..;/"} {
		pairs = append(pairs, batch.Pair{ImageID: image, MemberID: odd})
	}
	e := s.newJob(t, s.people["owner"].environment(s.keystone, "default"), pairs...).run("--rate", "unlimited")
	if e.code != 1 || e.outcome(0) != batch.Revoked {
		t.Errorf("exit code %d, the good row %s\n%s", e.code, e.outcome(0), e.output)
	}
	for i := range pairs[1:] {
		if o := e.outcome(i + 1); o != batch.Invalid && o != batch.Duplicate {
			t.Errorf("%q is %s", pairs[i+1], o)
		}
	}
	if left := c.left(t); len(left) != 1 || !left[c.pairs[1]] {
		t.Errorf("the shares left are %v; want %v", left, c.pairs[1])
	}
}

// testUnknown: images that there are not, and one that was deleted.
func testUnknown(t *testing.T, s *site) {
	c := newCrowd(t, s.glance, 1, 1)
	deleted := s.glance.addImage(t, traits{})
	s.glance.as(t, "owner", http.MethodDelete, "/v2/images/"+deleted, nil)
	pairs := append(c.pairs, batch.Pair{ImageID: newImageID(), MemberID: newID()}, batch.Pair{ImageID: deleted, MemberID: newID()})
	e := s.newJob(t, s.people["owner"].environment(s.keystone, "default"), pairs...).run("--rate", "unlimited")
	if e.code != 1 || e.outcome(0) != batch.Revoked || e.outcome(1) != batch.NotFound || e.outcome(2) != batch.NotFound {
		t.Errorf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
	}
}

// testRate: the clock that counts is Glance's.
func testRate(t *testing.T, s *site) {
	const perSecond = 20
	c := newCrowd(t, s.glance, 1, 100)
	c.settled(t, s.newJob(t, s.people["owner"].environment(s.keystone, "default"), c.pairs...).run("--rate", "20/s"))
	times := logged(t, `"DELETE /v2/images/`+c.pairs[0].ImageID)
	if len(times) != len(c.pairs) {
		t.Fatalf("Glance has logged %d requests for %d pairs", len(times), len(c.pairs))
	}
	took := times[len(times)-1].Sub(times[0])
	if mean := float64(len(times)-1) / took.Seconds(); mean > 1.1*perSecond {
		t.Errorf("%.1f requests a second at a rate of %d", mean, perSecond)
	}
	t.Logf("%d requests within %v", len(times), took)
}

// logged are the times of the lines of Glance's log that hold a text.
func logged(t *testing.T, text string) []time.Time {
	t.Helper()
	file, err := os.Open(siteFile("glance.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var times []time.Time
	const layout = "2006-01-02 15:04:05.000"
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if line := lines.Text(); strings.Contains(line, text) {
			at, err := time.Parse(layout, line[:len(layout)])
			if err != nil {
				t.Fatal(err)
			}
			times = append(times, at)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return times
}

// testCrash: what was killed goes on where it was, and sends nothing twice that
// it had settled.
func testCrash(t *testing.T, s *site) {
	c := newCrowd(t, s.glance, 4, 100)
	j := s.newJob(t, s.people["owner"].environment(s.keystone, "default"), c.pairs...)
	v := j.start("--rate", "100/s")
	j.reach(v, 100)
	v.Signal(syscall.SIGKILL)
	v.Wait()
	left := len(c.left(t))
	e := j.run("--rate", "unlimited", "--resume")
	c.settled(t, e)
	if n := len(c.left(t)); left == 0 || n != 0 {
		t.Errorf("%d shares were left by the first run, %d by the second", left, n)
	}
	deletes := 0
	for _, p := range c.pairs {
		deletes += len(logged(t, `"DELETE /v2/images/`+p.ImageID+"/members/"+p.MemberID))
	}
	const workers = 8
	if deletes > len(c.pairs)+2*workers {
		t.Errorf("%d requests for %d pairs", deletes, len(c.pairs))
	}
	t.Logf("%d of %d shares were left when it was killed, %d requests in all, outcomes %v", left, len(c.pairs), deletes, e.outcomes())
}
