package imagetest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"imsrevoke/batch/imagetest"
)

// raw sends a request line as it stands over a connection of its own.
func raw(t *testing.T, server *imagetest.Server, token, method, target string) exchange {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: cloud.test\r\nX-Auth-Token: %s\r\nAccept: application/json\r\n\r\n", method, target, token)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{resp.StatusCode, resp.Header, string(body), resp.Close}
}

const (
	kept    = "kept"
	removed = "share removed"
	deleted = "image deleted"
)

// fate is what became of the share of imageA with the member.
func fate(c *imagetest.Cloud, member string) string {
	switch {
	case !c.ImageExists(imageA):
		return deleted
	case !c.Shared(imageA, member):
		return removed
	}
	return kept
}

func TestOddTargets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		target string // after /v2/images/
		member string // stored beforehand, memberA when empty
		status int
		fate   string
	}{
		{"an image id with a question mark is the image", imageA + "?/members/" + memberA, "", 204, deleted},
		{"a number sign belongs to the id", imageA + "#/members/" + memberA, "", 404, kept},
		{"an encoded question mark belongs to the id", imageA + "%3F/members/" + memberA, "", 404, kept},
		{"an encoded number sign belongs to the id", imageA + "%23/members/" + memberA, "", 404, kept},
		{"a slash after the image id goes unnoticed", imageA + "//members/" + memberA, "", 204, removed},
		{"a space after the image id is another id", imageA + "%20/members/" + memberA, "", 404, kept},
		{"two dots are a member", imageA + "/members/..", "", 404, kept},
		{"two encoded dots are a member", imageA + "/members/%2e%2e", "", 404, kept},
		{"two dots that are stored can be removed", imageA + "/members/..", "..", 204, removed},
		{"a way out and in again leads nowhere", imageA + "/members/x/../..", "", 404, kept},
		{"a cleaned way out is the image", imageA, "", 204, deleted},
		{"the image with a slash leads nowhere", imageA + "/", "", 404, kept},
		{"a slash after the member leads nowhere", imageA + "/members/" + memberA + "/", "", 404, kept},
		{"a query is ignored", imageA + "/members/" + memberA + "?x=1", "", 204, removed},
		{"an encoded slash is a slash", imageA + "/members/a%2Fb", "a/b", 404, kept},
		{"encoded UTF-8 is not what is stored", imageA + "/members/%C3%A9", "é", 404, kept},
		{"raw UTF-8 is not what is stored", imageA + "/members/é", "é", 404, kept},
		{"an encoded space is a space", imageA + "/members/a%20b", "a b", 204, removed},
		{"a plus is a plus", imageA + "/members/a+b", "a b", 404, kept},
		{"an encoded question mark can be removed", imageA + "/members/a%3Fb", "a?b", 204, removed},
		{"a percent sign can be removed", imageA + "/members/a%25b", "a%b", 204, removed},
		{"the other letter case is the same", strings.ToUpper(imageA) + "/members/" + strings.ToUpper(memberA), "", 204, removed},
		{"a space at the end is padding", imageA + "/members/" + memberA + "%20", "", 204, removed},
		{"a newline at the end is overlooked", imageA + "/members/" + memberA + "%0A", "", 204, removed},
		{"two newlines are not", imageA + "/members/" + memberA + "%0A%0A", "", 404, kept},
		{"a zero byte is another id", imageA + "/members/" + memberA + "%00", "", 404, kept},
		{"what is not UTF-8 breaks it", imageA + "/members/%FF", "", 500, kept},
		{"a line of 9,000 characters is too long", imageA + "/members/" + strings.Repeat("x", 9000), "", 414, kept},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			server := imagetest.NewServer(c)
			defer server.Close()
			member := or(tt.member, memberA)
			c.Share(imageA, member)

			e := raw(t, server, c.IssueToken(imagetest.ProjectID, 0), "DELETE", "/v2/images/"+tt.target)

			if e.status != tt.status {
				t.Errorf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if got := fate(c, member); got != tt.fate {
				t.Errorf("%s, want %s", got, tt.fate)
			}
			if broken := tt.status == 414 || tt.status == 500; e.closes != broken {
				t.Errorf("the answer closes the connection: %t, want %t", e.closes, broken)
			}
		})
	}
}

// What clients make of odd ids must have the same end as in a real cloud, over
// a socket and without one.
func TestClientAccidents(t *testing.T) {
	t.Parallel()
	concat := func(base, image, member string) string { return base + "/v2/images/" + image + "/members/" + member }
	tests := []struct {
		name          string
		url           func(base, image, member string) string
		image, member string
		fate          string
	}{
		{"a concatenated question mark deletes the image", concat, imageA + "?", memberA, deleted},
		{"a concatenated number sign deletes the image", concat, imageA + "#", memberA, deleted},
		{"concatenated dots do nothing", concat, imageA, "..", kept},
		{"joined dots delete the image", func(base, image, member string) string {
			joined, err := url.JoinPath(base, "v2/images", url.PathEscape(image), "members", url.PathEscape(member))
			if err != nil {
				t.Error(err)
			}
			return joined
		}, imageA, "..", deleted},
		{"dots in a joined path delete another image", func(base, image, member string) string {
			return base + path.Join("/v2/images", image, "members", member)
		}, imageB, "../../" + imageA, deleted},
		{"an escaped question mark does nothing", func(base, image, member string) string {
			return concat(base, url.PathEscape(image), url.PathEscape(member))
		}, imageA + "?", memberA, kept},
		{"good ids remove the share", concat, imageA, memberA, removed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for name, over := range paths() {
				c := imagetest.NewCloud()
				c.Share(imageA, memberA)
				c.Share(imageB, memberA)
				base, transport, done := over(c)
				if _, err := send(t, transport, "DELETE", tt.url(base, tt.image, tt.member), c.IssueToken(imagetest.ProjectID, 0), ""); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				done()
				if got := fate(c, memberA); got != tt.fate {
					t.Errorf("%s: %s, want %s", name, got, tt.fate)
				}
			}
		})
	}
}

// paths are the two ways to a cloud: a base URL, a transport, and what to call
// in the end.
func paths() map[string]func(*imagetest.Cloud) (string, http.RoundTripper, func()) {
	return map[string]func(*imagetest.Cloud) (string, http.RoundTripper, func()){
		"in memory": func(c *imagetest.Cloud) (string, http.RoundTripper, func()) {
			return "http://cloud.test", c.Transport(), func() {}
		},
		"over a socket": func(c *imagetest.Cloud) (string, http.RoundTripper, func()) {
			server := imagetest.NewServer(c)
			transport := &http.Transport{}
			return server.URL, transport, func() {
				transport.CloseIdleConnections()
				server.Close()
			}
		},
	}
}

// net/http's server refuses a target that cannot be decoded; the cloud does not
// see it.
func TestTargetThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	for way, over := range paths() {
		c := imagetest.NewCloud()
		base, transport, done := over(c)
		req, err := http.NewRequestWithContext(t.Context(), "DELETE", base, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = memberPath(imageA, "%zz")
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		resp.Body.Close()
		done()
		if resp.StatusCode != http.StatusBadRequest || c.Stats().Requests != 0 {
			t.Errorf("%s: status %d, %d requests seen", way, resp.StatusCode, c.Stats().Requests)
		}
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.ImagePrefix = "/image"
	token := c.IssueToken(imagetest.ProjectID, 0)
	tests := []struct {
		name, path string
		status     int
		removed    bool
	}{
		{"below the prefix is the API", "/image" + memberPath(imageA, memberA), 204, true},
		{"the prefix itself lists versions", "/image", 300, false},
		{"outside it is a proxy's 404", memberPath(imageA, memberA), 404, false},
		{"a longer name is outside", "/images" + memberPath(imageA, memberA), 404, false},
	}
	for _, tt := range tests {
		c.Share(imageA, memberA)
		e := call(t, c, "DELETE", tt.path, token, "")
		if e.status != tt.status || c.Shared(imageA, memberA) == tt.removed {
			t.Errorf("%s: status %d, want %d; share removed: %t, want %t",
				tt.name, e.status, tt.status, !c.Shared(imageA, memberA), tt.removed)
		}
		if tt.status == 404 && e.header.Get("Content-Type") != "text/html" {
			t.Errorf("%s: not a proxy's page: %q", tt.name, e.body)
		}
	}
}

func TestVersionList(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/", "/v1/images/" + imageA, "/images/" + imageA + "/members/" + memberA, "/v3"} {
		c := imagetest.NewCloud()
		c.Share(imageA, memberA)
		// Without a token: the list comes before the check.
		e := call(t, c, "DELETE", target, "", "")
		if e.status != http.StatusMultipleChoices || !strings.Contains(e.body, `{"id":"v2.15","status":"CURRENT",`) {
			t.Errorf("%s: %d %s", target, e.status, e.body)
		}
		if !c.Shared(imageA, memberA) {
			t.Errorf("%s: the share is gone", target)
		}
	}
}
