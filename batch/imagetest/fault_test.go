package imagetest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch/imagetest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   imagetest.Fault
		status  int // 0 for no answer
		header  [2]string
		body    string // part of it
		removed bool
	}{
		{name: "none", status: 204, removed: true},
		{name: "503 with a page of the proxy", fault: imagetest.Status(503), status: 503,
			header: [2]string{"Content-Type", "text/html"}, body: "<h1>503 Service Unavailable</h1>"},
		{name: "503 with a time to wait", fault: imagetest.Fault{Status: 503, RetryAfter: "rubbish"}, status: 503,
			header: [2]string{"Retry-After", "rubbish"}},
		{name: "404 of a proxy", fault: imagetest.Status(404), status: 404, body: "<h1>404 Not Found</h1>"},
		{name: "401 of Glance", fault: imagetest.Status(401), status: 401, body: `"code":401`},
		{name: "a body of one's own", fault: imagetest.Fault{Status: 500, ContentType: "text/plain", Body: "oops"}, status: 500,
			header: [2]string{"Content-Type", "text/plain"}, body: "oops"},
		{name: "the gateway's throttling", fault: imagetest.Gateway(429, "APIGW.0308", "policy user over ratelimit,limit:200,time:5 minute"), status: 429,
			header: [2]string{"Content-Type", "application/json"},
			body:   `{"error_msg":"policy user over ratelimit,limit:200,time:5 minute","error_code":"APIGW.0308","request_id":"`},
		{name: "a redirect", fault: imagetest.Redirect("/elsewhere"), status: 302, header: [2]string{"Location", "/elsewhere"}},
		{name: "a lost success", fault: imagetest.StatusAfter(504), status: 504, removed: true},
		{name: "a cut before", fault: imagetest.CutBefore()},
		{name: "a cut after", fault: imagetest.CutAfter(), removed: true},
		{name: "a delay", fault: imagetest.Delay(time.Millisecond), status: 204, removed: true},
		{name: "a delay after the removal", fault: imagetest.Fault{Delay: time.Millisecond, Apply: true}, status: 204, removed: true},
		{name: "a delay before a refusal", fault: imagetest.Fault{Delay: time.Millisecond, Status: 502}, status: 502},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for way, over := range paths() {
				c := imagetest.NewCloud()
				c.Share(imageA, memberA)
				c.SetFaults(imagetest.Always(tt.fault))
				base, transport, done := over(c)

				e, err := send(t, transport, "DELETE", base+memberPath(imageA, memberA), c.IssueToken(imagetest.ProjectID, 0), "")
				done()

				switch {
				case tt.status != 0 && err != nil:
					t.Errorf("%s: %v", way, err)
				case tt.status == 0 && !lost(err):
					t.Errorf("%s: error %v, want a lost connection", way, err)
				case e.status != tt.status:
					t.Errorf("%s: status %d, want %d", way, e.status, tt.status)
				case !strings.Contains(e.body, tt.body):
					t.Errorf("%s: body %q, want %q", way, e.body, tt.body)
				case tt.header[0] != "" && e.header.Get(tt.header[0]) != tt.header[1]:
					t.Errorf("%s: %s %q, want %q", way, tt.header[0], e.header.Get(tt.header[0]), tt.header[1])
				}
				if got := !c.Shared(imageA, memberA); got != tt.removed {
					t.Errorf("%s: removed %t, want %t", way, got, tt.removed)
				}
				log := c.Requests()
				if len(log) != 1 || log[0].Applied != tt.removed || log[0].Status != tt.status || c.Stats().Statuses[tt.status] != 1 {
					t.Errorf("%s: log %+v, statuses %v", way, log, c.Stats().Statuses)
				}
			}
		})
	}
}

// lost reports whether err is what a client sees of a cut connection.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

func TestImpatientClient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   imagetest.Fault
		removed bool
	}{
		{"who gives up on a hanging request has removed nothing", imagetest.Hang(), false},
		{"who gives up on a slow request has removed nothing", imagetest.Delay(time.Hour), false},
		{"who gives up on a hanging answer has removed the share", imagetest.Fault{Delay: imagetest.Forever, Apply: true}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := imagetest.NewCloud()
				c.Share(imageA, memberA)
				c.SetFaults(imagetest.Always(tt.fault))
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				start := time.Now()
				err := remove(ctx, t, c)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want the deadline's", err)
				}
				if took := time.Since(start); took != 30*time.Second {
					t.Errorf("gave up after %v, want 30s", took)
				}
				if got := !c.Shared(imageA, memberA); got != tt.removed {
					t.Errorf("removed: %t, want %t", got, tt.removed)
				}
			})
		})
	}
}

func TestDelayTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.Share(imageA, memberA)
		for _, fault := range []imagetest.Fault{imagetest.Delay(3 * time.Second), {Delay: 3 * time.Second, Cut: true}} {
			c.SetFaults(imagetest.Always(fault))
			start := time.Now()
			if err := remove(t.Context(), t, c); (err != nil) != fault.Cut {
				t.Errorf("%+v: error %v", fault, err)
			}
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("%+v: over after %v, want 3s", fault, took)
			}
		}
	})
}

func TestCancelledRequestIsNotServed(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.Share(imageA, memberA)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if err := remove(ctx, t, c); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
	if !c.Shared(imageA, memberA) || c.Stats().Requests != 0 {
		t.Error("the request was served")
	}
}

// remove asks for the share of imageA with memberA to be removed.
func remove(ctx context.Context, t *testing.T, c *imagetest.Cloud) error {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "DELETE", "http://cloud.test"+memberPath(imageA, memberA), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", c.IssueToken(imagetest.ProjectID, 0))
	resp, err := c.Transport().RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
