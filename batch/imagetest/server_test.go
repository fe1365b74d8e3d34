package imagetest_test

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"imsrevoke/batch/imagetest"
)

func TestCloseEndsHangingRequests(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	arrived := make(chan struct{})
	c.SetFaults(func(imagetest.Request) imagetest.Fault {
		close(arrived)
		return imagetest.Hang()
	})
	server := imagetest.NewServer(c)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := send(t, transport, "DELETE", server.URL+memberPath(imageA, memberA), "", ""); !lost(err) {
			t.Errorf("error %v, want a lost connection", err)
		}
	})
	<-arrived
	server.Close()
	// Close has waited for the request, so the books on it are closed.
	if got := c.Stats().Statuses[0]; got != 1 {
		t.Errorf("%d requests without an answer, want 1", got)
	}
	server.Close()
	wg.Wait()
}

// Behind a pipelined request, the server cannot see that its client has gone.
func TestCloseEndsHangingRequestsThatArePipelined(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	arrived := make(chan struct{})
	c.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if r.Target != "/" {
			return imagetest.Fault{}
		}
		close(arrived)
		return imagetest.Hang()
	})
	server := imagetest.NewServer(c)
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := "GET / HTTP/1.1\r\nHost: cloud.test\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	// While this one is served, the other connection's second request is read.
	raw(t, server, "", "GET", imagetest.IdentityPath)
	server.Close()
	if got := c.Stats(); got.Requests != 1 || got.Statuses[0] != 1 {
		t.Errorf("stats %+v", got)
	}
}

func TestCloseEndsIdleConnections(t *testing.T) {
	t.Parallel()
	server := imagetest.NewServer(imagetest.NewCloud())
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if _, err := send(t, transport, "GET", server.AuthURL, "", ""); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, err := send(t, transport, "GET", server.URL, "", ""); err == nil {
		t.Error("a closed server answers")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	server := imagetest.NewServer(c)
	defer server.Close()
	transport := &http.Transport{MaxConnsPerHost: 4}
	defer transport.CloseIdleConnections()
	c.SetFaults(imagetest.Mix(3, imagetest.Chance{P: 0.2, Fault: imagetest.CutAfter()}, imagetest.Chance{P: 0.2, Fault: imagetest.Status(503)}))
	token := c.IssueToken(imagetest.ProjectID, 0)
	const images, members = 4, 25
	for i := range images * members {
		c.Share(strconv.Itoa(i%images), strconv.Itoa(i/images))
	}
	var wg sync.WaitGroup
	for i := range images {
		wg.Go(func() {
			for m := range members {
				image, member := strconv.Itoa(i), strconv.Itoa(m)
				for c.Shared(image, member) {
					if _, err := send(t, transport, "DELETE", server.URL+memberPath(image, member), token, ""); err != nil && !lost(err) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	stats := c.Stats()
	if stats.MembersRemoved != images*members || stats.Statuses[503] == 0 || stats.Statuses[0] == 0 {
		t.Errorf("stats %+v", stats)
	}
	applied := map[string]int{}
	for _, r := range c.Requests() {
		if r.Applied {
			applied[r.ImageID+" "+r.MemberID]++
		}
	}
	for pair, n := range applied {
		if n != 1 {
			t.Errorf("pair %s: applied %d times", pair, n)
		}
	}
}
