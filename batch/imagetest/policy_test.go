package imagetest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"imsrevoke/batch/imagetest"
)

// statuses asks for the members of images, one after the other.
func statuses(t *testing.T, c *imagetest.Cloud, imageIDs ...string) []int {
	t.Helper()
	token := c.IssueToken(imagetest.ProjectID, 0)
	var got []int
	for _, id := range imageIDs {
		got = append(got, call(t, c, "GET", "/v2/images/"+id+"/members", token, "").status)
	}
	return got
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	fault := imagetest.Status(503)
	tests := []struct {
		name   string
		policy imagetest.Policy
		want   []int // for requests for images A, B, A, B, A
	}{
		{"none", nil, []int{200, 200, 200, 200, 200}},
		{"always", imagetest.Always(fault), []int{503, 503, 503, 503, 503}},
		{"the first two attempts at each", imagetest.FirstAttempts(2, fault), []int{503, 503, 503, 503, 200}},
		{"the first two requests of all", imagetest.FirstRequests(2, fault), []int{503, 503, 200, 200, 200}},
		{"one image", imagetest.ForImage(strings.ToUpper(imageB), imagetest.Always(fault)), []int{200, 503, 200, 503, 200}},
		{"one image, once", imagetest.ForImage(imageA, imagetest.FirstRequests(1, fault)), []int{503, 200, 200, 200, 200}},
		{"a mix of one", imagetest.Mix(1, imagetest.Chance{P: 1, Fault: fault}), []int{503, 503, 503, 503, 503}},
		{"a mix of none", imagetest.Mix(1), []int{200, 200, 200, 200, 200}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.AddImage(imagetest.Image{ID: imageA})
			c.AddImage(imagetest.Image{ID: imageB})
			c.SetFaults(tt.policy)
			got := statuses(t, c, imageA, imageB, imageA, imageB, imageA)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPoliciesLeaveTheIdentityAPIAlone(t *testing.T) {
	t.Parallel()
	fault := imagetest.Status(503)
	for name, policy := range map[string]imagetest.Policy{
		"Always":        imagetest.Always(fault),
		"FirstAttempts": imagetest.FirstAttempts(9, fault),
		"FirstRequests": imagetest.FirstRequests(9, fault),
		"Mix":           imagetest.Mix(1, imagetest.Chance{P: 1, Fault: fault}),
		"RateLimit":     imagetest.RateLimit(1, 0),
		"ForImage":      imagetest.ForImage(imageA, imagetest.Always(fault)),
	} {
		c := imagetest.NewCloud()
		c.SetFaults(policy)
		body := fmt.Sprintf(passwordByName, imagetest.UserName, imagetest.DomainName, imagetest.Password)
		if e := authenticate(t, c, body); e.status != 201 {
			t.Errorf("%s: status %d, want 201", name, e.status)
		}
	}
}

func TestPolicySeesEveryRequest(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if strings.HasPrefix(r.Target, imagetest.IdentityPath) {
			return imagetest.Status(503)
		}
		return imagetest.Fault{}
	})
	if e := authenticate(t, c, ""); e.status != 503 {
		t.Errorf("status %d, want 503", e.status)
	}
	c.SetFaults(nil)
	if e := authenticate(t, c, ""); e.status != 400 {
		t.Errorf("status %d without faults, want 400", e.status)
	}
}

func TestMixDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		chances := []imagetest.Chance{{P: 0.3, Fault: imagetest.Status(503)}, {P: 0.2, Fault: imagetest.CutAfter()}}
		requests := rapid.SliceOf(rapid.Custom(func(t *rapid.T) imagetest.Request {
			return imagetest.Request{
				Method:   "DELETE",
				ImageID:  rapid.SampledFrom([]string{imageA, imageB}).Draw(t, "image"),
				MemberID: rapid.SampledFrom([]string{memberA, memberB, ""}).Draw(t, "member"),
				Attempt:  rapid.IntRange(1, 9).Draw(t, "attempt"),
			}
		})).Draw(t, "requests")
		choose := func(requests []imagetest.Request) []imagetest.Fault {
			policy := imagetest.Mix(seed, chances...)
			var faults []imagetest.Fault
			for _, r := range requests {
				faults = append(faults, policy(r))
			}
			return faults
		}
		forwards := choose(requests)
		slices.Reverse(requests)
		backwards := choose(requests)
		slices.Reverse(backwards)
		if diff := cmp.Diff(forwards, backwards); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMixKeepsItsChances(t *testing.T) {
	t.Parallel()
	const n = 20_000
	policy := imagetest.Mix(7, imagetest.Chance{P: 0.1, Fault: imagetest.Status(503)}, imagetest.Chance{P: 0.05, Fault: imagetest.CutBefore()})
	counts := map[imagetest.Fault]int{}
	for i := range n {
		counts[policy(imagetest.Request{Method: "DELETE", ImageID: imageA, MemberID: fmt.Sprint(i / 4), Attempt: i%4 + 1})]++
	}
	for fault, p := range map[imagetest.Fault]float64{
		imagetest.Status(503): 0.10,
		imagetest.CutBefore(): 0.05,
		(imagetest.Fault{}):   0.85,
	} {
		if got := float64(counts[fault]) / n; math.Abs(got-p) > 0.01 {
			t.Errorf("%+v chosen with frequency %.3f, want %.2f", fault, got, p)
		}
	}
}

func TestMixesWithOtherSeedsDiffer(t *testing.T) {
	t.Parallel()
	one := imagetest.Mix(1, imagetest.Chance{P: 0.5, Fault: imagetest.CutBefore()})
	two := imagetest.Mix(2, imagetest.Chance{P: 0.5, Fault: imagetest.CutBefore()})
	for i := range 64 {
		r := imagetest.Request{ImageID: imageA, MemberID: memberA, Attempt: i}
		if one(r) != two(r) {
			return
		}
	}
	t.Error("64 attempts alike")
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.AddImage(imagetest.Image{ID: imageA})
		c.SetFaults(imagetest.RateLimit(0.5, 2))
		three := []string{imageA, imageA, imageA}
		if diff := cmp.Diff([]int{200, 200, 429}, statuses(t, c, three...)); diff != "" {
			t.Errorf("a burst: %s", diff)
		}
		e := call(t, c, "GET", "/v2/images/"+imageA+"/members", c.IssueToken(imagetest.ProjectID, 0), "")
		if e.header.Get("Retry-After") != "2" || !strings.Contains(e.body, `"error_code":"APIGW.0308"`) {
			t.Errorf("Retry-After %q with %s", e.header.Get("Retry-After"), e.body)
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]int{200, 429, 429}, statuses(t, c, three...)); diff != "" {
			t.Errorf("after Retry-After: %s", diff)
		}
	})
}
