//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch"
)

func testCredentials(t *testing.T, s *site) {
	t.Run("a token that lives for seconds is renewed in mid-run", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t, s.glance, 4, 50)
		e := s.newJob(t, s.people["owner"].environment(s.brief, "default"), c.pairs...).run("--rate", "12/s", "--log-level", "info")
		c.settled(t, e)
		for i, row := range e.rows {
			if row["attempts"] != "1" {
				t.Errorf("row %d took %s attempts, and only tokens ended", i, row["attempts"])
			}
		}
		renewals := strings.Count(e.output, "credential renewed")
		if renewals < 2 { // 17 s of tokens that live for 5
			t.Errorf("%d renewals\n%s", renewals, e.output)
		}
		t.Logf("%d renewals for %d rows", renewals, len(c.pairs))
	})
	t.Run("a ready token is taken as it is", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t, s.glance, 1, 3)
		c.settled(t, s.newJob(t, []string{"OS_TOKEN=" + s.glance.token(t, "owner")}, c.pairs...).run("--endpoint", s.glance.image))
	})
	t.Run("an expired token stops the run", func(t *testing.T) {
		t.Parallel()
		token := s.people["owner"].token(t, s.brief)
		s.refuses(t, token, func() {
			deadline := time.Now().Add(time.Minute)
			for status := 0; status != http.StatusUnauthorized; {
				if time.Now().After(deadline) {
					t.Fatal("the token does not end")
				}
				time.Sleep(200 * time.Millisecond)
				status, _ = call(t, http.MethodGet, s.glance.image+"/v2/images?limit=1", token, nil)
			}
		})
	})
	t.Run("a revoked token stops the run", func(t *testing.T) {
		t.Parallel()
		token := s.people["owner"].token(t, s.keystone)
		s.refuses(t, token, func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.keystone+"/v3/auth/tokens", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Auth-Token", token)
			req.Header.Set("X-Subject-Token", token)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				t.Fatalf("revoke the token: %s", resp.Status)
			}
		})
	})
	t.Run("a wrong password sends nothing", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t, s.glance, 1, 2)
		owner := s.people["owner"]
		owner.password = "wrong"
		v := s.newJob(t, owner.environment(s.keystone, "default"), c.pairs...).start()
		if code, _ := v.Wait(); code != 4 || len(c.left(t)) != len(c.pairs) {
			t.Errorf("exit code %d, %d shares left\n%s", code, len(c.left(t)), &v.Output)
		}
	})
}

// refuses holds that a token which is no longer good stops a run at its first
// row, and changes nothing.
func (s *site) refuses(t *testing.T, token string, end func()) {
	t.Helper()
	c := newCrowd(t, s.glance, 1, 3)
	end()
	e := s.newJob(t, []string{"OS_TOKEN=" + token}, c.pairs...).run("--endpoint", s.glance.image)
	if e.code != 4 || e.outcomes()[batch.Denied] != 1 || e.outcomes()[batch.Skipped] != 2 {
		t.Errorf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
	}
	if left := c.left(t); len(left) != len(c.pairs) {
		t.Errorf("%d shares are left of %d", len(left), len(c.pairs))
	}
}
