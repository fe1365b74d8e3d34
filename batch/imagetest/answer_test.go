package imagetest_test

import (
	"regexp"
	"strings"
	"testing"

	"imsrevoke/batch/imagetest"
)

func TestErrorBodyFollowsAccept(t *testing.T) {
	t.Parallel()
	const text = "Image <x> not found."
	tests := []struct{ name, accept, contentType, body string }{
		{"JSON when it is asked for", "application/json", "application/json",
			`{"message":"Image <x> not found.<br /><br />\n\n\n","code":"404 Not Found","title":"Not Found"}`},
		{"plain text for anything", "*/*", "text/plain; charset=UTF-8", "404 Not Found\n\n" + text + "\n\n   "},
		{"plain text for nothing", "", "text/plain; charset=UTF-8", "404 Not Found\n\n" + text + "\n\n   "},
		{"HTML for a browser", "text/html,application/json", "text/html; charset=UTF-8",
			"<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  Image &lt;x&gt; not found.<br /><br />\n\n\n\n </body>\n</html>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			e := call(t, c, "DELETE", memberPath("%3Cx%3E", memberA), c.IssueToken(imagetest.ProjectID, 0), "", "Accept", tt.accept)
			if e.body != tt.body {
				t.Errorf("body\n %q, want\n %q", e.body, tt.body)
			}
			if got := e.header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("type %q, want %q", got, tt.contentType)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	const header = "X-Openstack-Request-Id"
	c := imagetest.NewCloud()
	token := c.IssueToken(imagetest.ProjectID, 0)
	path := memberPath(imageA, memberA)

	first, second := call(t, c, "DELETE", path, token, ""), call(t, c, "DELETE", path, token, "")
	form := regexp.MustCompile(`^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if id := first.header.Get(header); !form.MatchString(id) || id == second.header.Get(header) {
		t.Errorf("request ids %q and %q", id, second.header.Get(header))
	}
	longest := strings.Repeat("x", 64)
	if e := call(t, c, "DELETE", path, token, "", header, longest); e.header.Get(header) != longest || e.status != 404 {
		t.Errorf("own id: %d with %q", e.status, e.header.Get(header))
	}
	if e := call(t, c, "DELETE", path, token, "", header, longest+"x"); e.status != 500 {
		t.Errorf("an id of 65 characters: %d, want 500", e.status)
	}
}
