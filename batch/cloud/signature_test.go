package cloud

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

// TestSignatureVectors compares with what the signer of the official SDK made
// of the same requests.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/aksk-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Method, Endpoint, Path, Body, AK, SK, Authorization string
		Headers                                             map[string]string
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, error %v", len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.Method+" "+v.Path, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(v.Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			u.Path = v.Path
			req, err := http.NewRequest(v.Method, u.String(), strings.NewReader(v.Body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL, req.Host = u, v.Headers["Host"]
			for name, value := range v.Headers {
				req.Header.Set(name, value)
			}
			_, names, _ := strings.Cut(v.Authorization, "SignedHeaders=")
			names, _, _ = strings.Cut(names, ",")
			key := accessKey{id: v.AK, secret: Secret(v.SK)}
			if got := key.authorization(req, strings.Split(names, ";")); got != v.Authorization {
				t.Errorf("got  %s\nwant %s\nof %q", got, v.Authorization, canonicalRequest(req, strings.Split(names, ";")))
			}
		})
	}
}

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, url, path, query string }{
		{"no path", "https://h.example", "/", ""},
		{"a slash at the end stays one", "https://h.example/a/", "/a/", ""},
		{"an encoded slash is part of its segment", "https://h.example/a%2fb/c", "/a%2Fb/c/", ""},
		{"what is encoded needlessly is decoded", "https://h.example/%61%7e", "/a~/", ""},
		{"parameters are sorted and encoded", "https://h.example/?b=2&a=x+y&a=%2B&a-=1&c", "/", "a=%2B&a=x%20y&a-=1&b=2&c="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if path, query := canonicalPath(u), canonicalQuery(u.Query()); path != tt.path || query != tt.query {
				t.Errorf("%s and %s, want %s and %s", path, query, tt.path, tt.query)
			}
		})
	}
}

func TestWhatIsSigned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		key    accessKey
		signed string
		header http.Header
	}{
		{"a permanent key for a project", accessKey{id: "AK", secret: "s", projectID: "p1"},
			"SignedHeaders=host;x-project-id;x-sdk-date,", http.Header{"X-Project-Id": {"p1"}}},
		{"a temporary key", accessKey{id: "AK", secret: "s", securityToken: "t", projectID: "p1"},
			"SignedHeaders=host;x-project-id;x-sdk-date;x-security-token,", http.Header{"X-Project-Id": {"p1"}, "X-Security-Token": {"t"}}},
		{"a key before its project is known", accessKey{id: "AK", secret: "s"},
			"SignedHeaders=host;x-sdk-date,", http.Header{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // which begins at midnight, 2000-01-01 UTC
				req, err := http.NewRequest(http.MethodDelete, "https://h.example/v2", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("User-Agent", "imsrevoke")
				tt.key.authorize(req)
				got := req.Header.Get("Authorization")
				if !strings.HasPrefix(got, "SDK-HMAC-SHA256 Access=AK, ") || !strings.Contains(got, tt.signed) {
					t.Errorf("%s does not hold %s", got, tt.signed)
				}
				tt.header.Set("X-Sdk-Date", "20000101T000000Z")
				for _, name := range []string{"X-Sdk-Date", "X-Project-Id", "X-Security-Token"} {
					if req.Header.Get(name) != tt.header.Get(name) {
						t.Errorf("%s is %q, want %q", name, req.Header.Get(name), tt.header.Get(name))
					}
				}
			})
		})
	}
}
