//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// testSpellings: a row means a project however the file spells it, and however
// the share was spelled when it was made. MariaDB ignores letter case, and so a
// list on it holds an id in one letter case only, which any other removes.
func testSpellings(t *testing.T, s *site) {
	dashed := func(id string) string {
		return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	}
	same := func(id string) string { return id }
	tests := []struct {
		name         string
		shared, file func(id string) string
		requests     string // attempts of the row
	}{
		{"dashes in the file", same, dashed, "1"},
		{"upper case in the file", same, strings.ToUpper, "1"},
		{"braces in the file", same, func(id string) string { return "{" + dashed(id) + "}" }, "1"},
		{"a URN in the file", same, func(id string) string { return "urn:uuid:" + dashed(id) }, "1"},
		{"blanks in the file", same, func(id string) string { return strings.ReplaceAll(dashed(id), "-", " ") }, "1"},
		{"upper case in the list", strings.ToUpper, same, "1"},
		{"dashes in the list", dashed, same, "2"},
		{"dashes in both", dashed, dashed, "2"},
	}
	for _, r := range s.realms(t) {
		t.Run(r.name, func(t *testing.T) {
			owner := r.people["owner"].environment(r.keystone, r.region)
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					image, member, other := r.addImage(t, traits{}), newID(), newID()
					r.share(t, image, tt.shared(member), other)
					j := s.newJob(t, owner, batch.Pair{ImageID: strings.ToUpper(image), MemberID: tt.file(member)})
					if e := j.check("--rate", "unlimited"); e.code != 1 || e.outcome(0) != batch.Shared {
						t.Errorf("check: exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
					}
					e := j.run("--rate", "unlimited", "--verify")
					if e.code != 0 || e.outcome(0) != batch.Revoked || e.rows[0]["attempts"] != tt.requests || e.rows[0]["verified"] != "gone" {
						t.Errorf("run: exit code %d, %v\n%s", e.code, e.rows[0], e.output)
					}
					if left := r.members(t, image); !slices.Equal(left, []string{other}) {
						t.Errorf("the members left are %v; want %s", left, other)
					}
				})
			}
			t.Run("two spellings in the list", func(t *testing.T) {
				image, member, other := r.addImage(t, traits{}), newID(), newID()
				r.share(t, image, member, dashed(member), other)
				e := s.newJob(t, owner, batch.Pair{ImageID: image, MemberID: member}, batch.Pair{ImageID: image, MemberID: dashed(member)}).run("--rate", "unlimited")
				if left := r.members(t, image); e.code != 0 || e.outcome(0) != batch.Revoked || !slices.Equal(left, []string{other}) {
					t.Errorf("exit code %d, outcomes %v, the members left are %v; want %s\n%s", e.code, e.outcomes(), left, other, e.output)
				}
			})
			t.Run("a name", func(t *testing.T) {
				image, other := r.addImage(t, traits{}), newID()
				r.share(t, image, "acme-prod", other)
				j := s.newJob(t, owner, batch.Pair{ImageID: image, MemberID: "acme-prod"}, batch.Pair{ImageID: image, MemberID: "acme-dev"})
				if e := j.run("--rate", "unlimited"); e.code != 1 || e.outcome(0) != batch.Revoked || e.outcome(1) != batch.NotFound {
					t.Errorf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
				}
			})
		})
	}
}
