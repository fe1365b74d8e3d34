package imageapi

import (
	"net/http"
	"net/url"
	"testing"

	"imsrevoke/batch"
)

// benchRemove returns one request that goes well, without a network.
func benchRemove(t testing.TB) func() {
	resp := &http.Response{
		StatusCode: http.StatusNoContent, Status: "204 No Content", Body: http.NoBody,
		Header: http.Header{
			"Date":                   {"Tue, 24 Nov 2026 12:00:00 GMT"},
			"X-Openstack-Request-Id": {"req-8e1ab19d-5b1a-4c57-9a41-1f0e6a2f7c55"},
		},
	}
	c := New(Config{
		Endpoint:    &url.URL{Scheme: "http", Host: "glance.example:9292"},
		Transport:   roundTripper(func(*http.Request) (*http.Response, error) { return resp, nil }),
		Credentials: &keys{},
		UserAgent:   "imsrevoke/devel",
	})
	p := batch.Pair{ImageID: "3f7c1d3e-5b1a-4c57-9a41-3f0e6a2f7c55", MemberID: "edc89b490d7d4392898e19b2deb34797"}
	return func() {
		if a := c.Remove(t.Context(), p); a.Meaning != batch.Removed {
			t.Fatalf("%+v", a)
		}
	}
}

func BenchmarkRemove(b *testing.B) {
	remove := benchRemove(b)
	b.ReportAllocs()
	for b.Loop() {
		remove()
	}
}
