package imagetest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"imsrevoke/batch/imagetest"
)

func TestRequestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := imagetest.NewCloud()
		c.Share(imageA, memberA)
		token := c.IssueToken(imagetest.ProjectID, 0)
		target := memberPath(imageA, memberA) + "?x=1"
		call(t, c, "DELETE", target, token, "", "X-Test", "one")
		time.Sleep(time.Second)
		call(t, c, "DELETE", memberPath(imageA, strings.ToUpper(memberA)), token, "")
		call(t, c, "GET", memberPath(imageA, memberA), token, "")
		call(t, c, "GET", "/v2/images/"+imageA+"/members", token, "")
		call(t, c, "POST", "/v2/images/"+imageA+"/members", token, `{"member":"`+memberA+`"}`)
		call(t, c, "POST", "/v2/images/"+imageA+"/members", token, "{}")
		call(t, c, "GET", imagetest.IdentityPath, "", "")

		want := []imagetest.Request{
			{Method: "DELETE", Target: target, ImageID: imageA, MemberID: memberA, Attempt: 1, Time: start, Status: 204, Applied: true},
			{Method: "DELETE", Target: memberPath(imageA, strings.ToUpper(memberA)), ImageID: imageA, MemberID: strings.ToUpper(memberA),
				Attempt: 2, Time: start.Add(time.Second), Status: 404},
			{Method: "GET", Target: memberPath(imageA, memberA), ImageID: imageA, MemberID: memberA,
				Attempt: 1, Time: start.Add(time.Second), Status: 404},
			{Method: "GET", Target: "/v2/images/" + imageA + "/members", ImageID: imageA, Attempt: 1, Time: start.Add(time.Second), Status: 200},
			{Method: "POST", Target: "/v2/images/" + imageA + "/members", ImageID: imageA, MemberID: memberA,
				Attempt: 1, Time: start.Add(time.Second), Status: 200, Applied: true},
			{Method: "POST", Target: "/v2/images/" + imageA + "/members", ImageID: imageA, Attempt: 1, Time: start.Add(time.Second), Status: 400},
			{Method: "GET", Target: imagetest.IdentityPath, Attempt: 1, Time: start.Add(time.Second), Status: 200},
		}
		got := c.Requests()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(imagetest.Request{}, "Header")); diff != "" {
			t.Error(diff)
		}
		if got[0].Header.Get("X-Test") != "one" {
			t.Errorf("header %v", got[0].Header)
		}
		stats := imagetest.Stats{
			Requests: 6, Statuses: map[int]int{200: 2, 204: 1, 400: 1, 404: 2}, MaxInFlight: 1, MembersRemoved: 1, TokensIssued: 1,
		}
		c.Stats().Statuses[204]++ // the caller's own
		if diff := cmp.Diff(stats, c.Stats()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWithoutALogNothingIsKept(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.KeepLog = false
	call(t, c, "GET", "/v2/images/"+imageA, c.IssueToken(imagetest.ProjectID, 0), "")
	if got := c.Requests(); len(got) != 0 {
		t.Errorf("log %+v", got)
	}
	if got := c.Stats().Requests; got != 1 {
		t.Errorf("%d requests counted, want 1", got)
	}
}

func TestRequestsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.SetFaults(imagetest.Always(imagetest.Delay(time.Second)))
		token := c.IssueToken(imagetest.ProjectID, 0)
		done := make(chan struct{})
		for i := range 5 {
			go func() {
				// Three at once, and then two.
				time.Sleep(time.Duration(i/3) * 2 * time.Second)
				call(t, c, "GET", "/v2/images/"+imageA, token, "")
				done <- struct{}{}
			}()
		}
		synctest.Wait()
		if log := c.Requests(); len(log) != 3 || log[0].Status != 0 {
			t.Errorf("log of what is under way: %+v", log)
		}
		for range 5 {
			<-done
		}
		if got := c.Stats().MaxInFlight; got != 3 {
			t.Errorf("%d in flight at most, want 3", got)
		}
	})
}
