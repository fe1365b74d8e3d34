//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
)

// ruled are application credentials with access rules.
var ruled = map[string][]imagetest.AccessRule{
	"both access rules": {{Method: http.MethodDelete, Path: "/v2/images/*/members/*"}, {Method: http.MethodGet, Path: "/v2/images/*/members"}},
	"delete rule":       {{Method: http.MethodDelete, Path: "/v2/images/*/members/*"}},
	"list rule":         {{Method: http.MethodGet, Path: "/v2/images/*/members"}},
}

// testAccessRules: with the two access rules of the README everything works;
// with the DELETE alone everything is revoked, and a row that needs a list is
// not settled.
func testAccessRules(t *testing.T, s *site) {
	for _, r := range s.realms(t) {
		// crowd is one of which the third share, of six, is gone already.
		crowd := func(t *testing.T) *crowd {
			c := newCrowd(t, r, 2, 3)
			gone := c.pairs[2]
			demand(t, http.MethodDelete, r.image+"/v2/images/"+gone.ImageID+"/members/"+gone.MemberID, r.token(t, "owner"), nil)
			return c
		}
		t.Run(r.name+", both rules", func(t *testing.T) {
			t.Parallel()
			c := crowd(t)
			e := s.newJob(t, r.people["both access rules"].environment(r.keystone, r.region), c.pairs...).run("--rate", "unlimited")
			c.settled(t, e)
			if e.outcome(2) != batch.Absent {
				t.Errorf("the share that is gone is %s: %s", e.outcome(2), e.rows[2]["message"])
			}
		})
		unlisted := func(t *testing.T, environment []string, flags ...string) {
			t.Helper()
			c := crowd(t)
			e := s.newJob(t, environment, c.pairs...).run(append(flags, "--rate", "unlimited", "--max-failures", "none", "--log-level", "info")...)
			message := e.rows[2]["message"]
			if e.code != 1 || e.outcomes()[batch.Revoked] != 5 || e.outcome(2) != batch.NotFound || !strings.Contains(message, "this credential may not read member lists") {
				t.Errorf("exit code %d, outcomes %v, the share that is gone: %q\n%s", e.code, e.outcomes(), message, e.output)
			}
			if strings.Contains(e.output, "credential renewed") {
				t.Errorf("another login for a right that is missing\n%s", e.output)
			}
			if left := c.left(t); len(left) > 0 {
				t.Errorf("%d shares are left", len(left))
			}
		}
		t.Run(r.name+", the DELETE alone", func(t *testing.T) {
			t.Parallel()
			unlisted(t, r.people["delete rule"].environment(r.keystone, r.region))
		})
		t.Run(r.name+", the DELETE alone and a ready token", func(t *testing.T) {
			t.Parallel()
			token := r.people["delete rule"].token(t, strings.TrimSuffix(r.keystone, "/v3"))
			unlisted(t, []string{"OS_TOKEN=" + token, "OS_PROJECT_ID=" + r.people["owner"].projectID}, "--endpoint", r.image)
		})
		t.Run(r.name+", the list alone", func(t *testing.T) {
			t.Parallel()
			c := crowd(t)
			e := s.newJob(t, r.people["list rule"].environment(r.keystone, r.region), c.pairs...).run()
			if left := c.left(t); e.code != 4 || len(left) != 5 {
				t.Errorf("exit code %d, %d shares are left\n%s", e.code, len(left), e.output)
			}
		})
	}
}
