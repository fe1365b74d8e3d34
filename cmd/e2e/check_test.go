//go:build e2e

package e2e

import (
	"testing"

	"imsrevoke/batch"
)

// testCheck: check says what Glance says, before a run and after it, and so
// does run --verify.
func testCheck(t *testing.T, s *site) {
	c := newCrowd(t, s.glance, 3, 4)
	owner := s.people["owner"].environment(s.keystone, "default")
	before := s.newJob(t, owner, c.pairs...).check("--rate", "unlimited")
	if before.code != 1 || before.outcomes()[batch.Shared] != len(c.pairs) {
		t.Errorf("before: exit code %d, outcomes %v\n%s", before.code, before.outcomes(), before.output)
	}
	j := s.newJob(t, owner, c.pairs...)
	e := j.run("--rate", "unlimited", "--verify")
	c.settled(t, e)
	for i, row := range e.rows {
		if row["verified"] != "gone" {
			t.Errorf("row %d is verified as %q", i, row["verified"])
		}
	}
	after := j.check("--rate", "unlimited")
	if after.code != 0 || after.outcomes()[batch.Absent] != len(c.pairs) {
		t.Errorf("after: exit code %d, outcomes %v\n%s", after.code, after.outcomes(), after.output)
	}
	for _, p := range c.pairs {
		if n := len(logged(t, `"GET /v2/images/`+p.ImageID+"/members HTTP")); n > 5 { // those of the tests among them
			t.Errorf("%d reads of an image with four rows", n)
		}
	}
	t.Run("a member sees only itself", func(t *testing.T) { testMemberChecks(t, s) })
}

// testMemberChecks: what a member does not see is not proved to be gone.
func testMemberChecks(t *testing.T, s *site) {
	for _, r := range s.realms(t) {
		t.Run(r.name, func(t *testing.T) {
			consumer := r.people["consumer"]
			image, other := r.addImage(t, traits{}), newID()
			r.share(t, image, consumer.projectID, other)
			e := s.newJob(t, consumer.environment(r.keystone, r.region),
				batch.Pair{ImageID: image, MemberID: consumer.projectID}, batch.Pair{ImageID: image, MemberID: other}).check()
			if e.code != 1 || e.outcome(0) != batch.Shared || e.outcome(1) != batch.NotFound {
				t.Errorf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
			}
			// A token alone does not say whose it is.
			e = s.newJob(t, []string{"OS_TOKEN=" + r.token(t, "consumer")}, batch.Pair{ImageID: image, MemberID: other}).
				check("--endpoint", r.image)
			if e.outcome(0) != batch.NotFound {
				t.Errorf("with a ready token: exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
			}
		})
	}
}
