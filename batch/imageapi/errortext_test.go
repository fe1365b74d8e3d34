package imageapi

import (
	"net/http"
	"testing"
)

func TestTheTextOfAnErrorBody(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"Glance's JSON", `{"message": "No such thing.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}`, "No such thing."},
		{"Glance's text", "404 Not Found\n\nNo such thing.\n\n   ", "No such thing."},
		{"a page with what is not seen", "<HTML><HEAD><TITLE>x</TITLE></HEAD><BODY><!-- y > y -->seen<SCRIPT>z</SCRIPT></BODY></HTML>", "seen"},
		{"entities", "<p>a &lt; b &amp; c</p>", "a < b & c"},
		{"Keystone's", `{"error": {"code": 401, "message": "The request needs authentication.", "title": "Unauthorized"}}`, "The request needs authentication."},
		{"a gateway's", `{"error_code": "APIGW.0308", "error_msg": "too fast"}`, "APIGW.0308: too fast"},
		{"a code alone", `{"error_code": "APIGW.0308"}`, "APIGW.0308"},
		{"a code that is only a status", `{"code": "404 Not Found", "message": "x"}`, "x"},
		{"JSON without a text", `{"detail": "<b>x</b>"}`, `{"detail": " x "}`},
		{"control characters", "a\x00\x00b\x1bc", "a b c"},
		{"blanks around", " \n a \t b \n", "a b"},
		{"nothing", "", "418 I'm a teapot"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := parseError([]byte(tt.body), secrets{}).orStatus(&http.Response{Status: "418 I'm a teapot"})
			if got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func TestNoCredentialIsShownWhateverItsHeader(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X-Auth-Token", "Authorization", "X-Security-Token"} {
		req := &http.Request{Header: http.Header{}}
		req.Header.Set(name, "a-secret")
		if got := secretsOf(req).words("you sent a-secret, a-secret"); got != "you sent [redacted], [redacted]" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
