//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"testing"

	"imsrevoke/batch"
)

// testRestore: what a run has revoked comes back, as pending, and nothing else.
func testRestore(t *testing.T, s *site) {
	c := newCrowd(t, s.glance, 2, 5)
	owner := s.people["owner"].environment(s.keystone, "default")
	never := batch.Pair{ImageID: c.pairs[0].ImageID, MemberID: newID()}
	deleted := batch.Pair{ImageID: s.glance.addImage(t, traits{}), MemberID: newID()}
	s.glance.share(t, deleted.ImageID, deleted.MemberID)
	revoked := append(slices.Clone(c.pairs), deleted)
	j := s.newJob(t, owner, append(slices.Clone(revoked), never)...)
	if e := j.run("--rate", "unlimited"); e.code != 0 || e.outcome(len(revoked)) != batch.Absent {
		t.Fatalf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
	}
	// One comes back by another way, and is there already; one never can.
	s.glance.share(t, c.pairs[1].ImageID, c.pairs[1].MemberID)
	s.glance.as(t, "owner", http.MethodDelete, "/v2/images/"+deleted.ImageID, nil)

	v := j.on("pairs.report.csv", "restore", "--yes", "--rate", "unlimited")
	j.pairs = revoked // those that the report calls revoked
	e := j.end(v, "pairs.report.restore.csv")
	if e.outcomes()[batch.Restored] != len(c.pairs)-1 || e.outcome(1) != batch.Present || e.outcome(len(c.pairs)) != batch.NotFound || e.code != 1 {
		t.Errorf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
	}
	if left := c.left(t); len(left) != len(c.pairs) {
		t.Errorf("%d shares are there again of %d", len(left), len(c.pairs))
	}
	for _, m := range s.glance.as(t, "owner", http.MethodGet, "/v2/images/"+never.ImageID+"/members", nil).list("members") {
		if m.text("member_id") == never.MemberID {
			t.Errorf("somebody is a member who never was one")
		}
		if status := m.text("status"); status != "pending" {
			t.Errorf("the share is %s", status)
		}
	}
}
