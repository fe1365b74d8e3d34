//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/programtest"
)

// A crowd is many shares for the program to revoke, among others that no row
// names.
type crowd struct {
	realm *realm
	pairs []batch.Pair
	other string // a member of every image
}

// newCrowd shares images of the owner's with so many members each, one after
// the other in the list of pairs.
func newCrowd(t *testing.T, r *realm, images, members int) *crowd {
	t.Helper()
	c := &crowd{realm: r, other: newID()}
	var shares []batch.Pair
	for range images {
		image := r.addImage(t, traits{})
		shares = append(shares, batch.Pair{ImageID: image, MemberID: c.other})
		for range members {
			c.pairs = append(c.pairs, batch.Pair{ImageID: image, MemberID: newID()})
		}
	}
	token := r.token(t, "owner")
	var atOnce errgroup.Group
	atOnce.SetLimit(8)
	for _, p := range append(shares, c.pairs...) {
		atOnce.Go(func() error {
			resp, err := exchange(t.Context(), http.MethodPost, r.image+"/v2/images/"+p.ImageID+"/members", token, map[string]any{"member": p.MemberID})
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("share: %s", resp.Status)
			}
			return nil
		})
	}
	if err := atOnce.Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// left asks Glance which of the pairs are still shared, and holds that nobody
// else has lost anything.
func (c *crowd) left(t *testing.T) map[batch.Pair]bool {
	t.Helper()
	members := make(map[string][]string)
	left := make(map[batch.Pair]bool)
	for _, p := range c.pairs {
		if members[p.ImageID] == nil {
			members[p.ImageID] = c.realm.members(t, p.ImageID)
			if !slices.Contains(members[p.ImageID], c.other) {
				t.Errorf("image %s has lost a member that no row names", p.ImageID)
			}
		}
		if slices.Contains(members[p.ImageID], p.MemberID) {
			left[p] = true
		}
	}
	return left
}

// judge compares what a report says with what Glance says.
func (c *crowd) judge(t *testing.T, e ending) {
	t.Helper()
	left := c.left(t)
	for i, p := range c.pairs {
		if o := e.outcome(i); o.Settled() == left[p] {
			t.Errorf("row %d is %s, and still shared: %v", i, o, left[p])
		}
	}
}

// settled holds that a run has settled every row, and Glance agrees.
func (c *crowd) settled(t *testing.T, e ending) {
	t.Helper()
	if e.code != 0 {
		t.Errorf("exit code %d, outcomes %v\n%s", e.code, e.outcomes(), e.output)
	}
	c.judge(t, e)
}

// reach waits until so many rows of the run's have ended.
func (j *job) reach(v *programtest.Process, rows int) {
	j.t.Helper()
	v.Until(func() bool {
		time.Sleep(10 * time.Millisecond)
		text, err := os.ReadFile(j.path("pairs.report.csv.journal"))
		return err == nil && bytes.Count(text, []byte("\trow\t")) >= rows
	})
	if !v.Running() {
		j.t.Fatalf("the run ended before %d rows had\n%s", rows, &v.Output)
	}
}
