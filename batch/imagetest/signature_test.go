package imagetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch/imagetest"
)

// A vector is a request that the official SDK has signed.
type vector struct {
	Method, Endpoint, Path, Body, AK, SK, Authorization string
	Headers                                             map[string]string
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../cloud/testdata/aksk-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, error %v", len(vectors), err)
	}
	return vectors
}

// signedAt is when all vectors were signed.
var signedAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// huaweiCloud knows the key of a vector. Its clock stands at signedAt.
func huaweiCloud(v vector) *imagetest.Cloud {
	c := imagetest.NewCloud()
	c.Huawei, c.ClockAhead = true, time.Until(signedAt)
	c.AddAccessKey(imagetest.AccessKey{
		ID: v.AK, Secret: v.SK, SecurityToken: v.Headers["X-Security-Token"],
		ProjectID: v.Headers["X-Project-Id"], Roles: []string{imagetest.RoleMember},
	})
	return c
}

// send sends what was signed, changed by edit.
func (v vector) send(t *testing.T, c *imagetest.Cloud, edit func(*http.Request)) exchange {
	t.Helper()
	u, err := url.Parse(v.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = v.Path
	req := &http.Request{
		Method: v.Method, URL: u, Host: v.Headers["Host"], Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(v.Body)), ContentLength: int64(len(v.Body)),
	}
	for name, value := range v.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Authorization", v.Authorization)
	if edit != nil {
		edit(req)
	}
	resp, err := c.Transport().RoundTrip(req.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	var body strings.Builder
	if err := resp.Write(&body); err != nil {
		t.Fatal(err)
	}
	return exchange{status: resp.StatusCode, header: resp.Header, body: body.String()}
}

func TestSignaturesOfTheOfficialSDKAreGood(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		t.Run(v.Method+" "+v.Path, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if e := v.send(t, huaweiCloud(v), nil); e.status != 404 || !strings.Contains(e.body, " not found.") {
					t.Errorf("%d %s, want Glance's word that there is no such image", e.status, e.body)
				}
			})
		})
	}
}

func TestWhatTheGatewayRefuses(t *testing.T) {
	t.Parallel()
	v := readVectors(t)[1] // with every header that can be signed
	tests := []struct {
		name   string
		edit   func(*http.Request)
		status int
		body   string // part of it
	}{
		{"nothing that proves who asks", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "APIGW.0301"},
		{"a header of another form", func(r *http.Request) { r.Header.Set("Authorization", "Basic eA==") }, 401, "authorization format is incorrect"},
		{"a key that there is not", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(v.Authorization, "AKTEST", "AKOTHER", 1))
		}, 401, "ak AKOTHER not exist"},
		{"another method", func(r *http.Request) { r.Method = http.MethodGet }, 401, "verify aksk signature fail"},
		{"another path", func(r *http.Request) { r.URL.Path += "0" }, 401, "verify aksk signature fail"},
		{"a query that was not signed", func(r *http.Request) { r.URL.RawQuery = "a=b" }, 401, "verify aksk signature fail"},
		{"a body that was not signed", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) }, 401, "verify aksk signature fail"},
		{"another host", func(r *http.Request) { r.Host = "y" }, 401, "verify aksk signature fail"},
		{"a date that was not signed", func(r *http.Request) { r.Header.Set("X-Sdk-Date", "20260101T000001Z") }, 401, "verify aksk signature fail"},
		{"another security token", func(r *http.Request) { r.Header.Set("X-Security-Token", "x") }, 401, "signature expired"},
		{"no date", func(r *http.Request) { r.Header.Del("X-Sdk-Date") }, 401, "x-sdk-date is missing"},
		{"a header that may be rewritten on the way", func(r *http.Request) { r.Header.Set("User-Agent", "proxy") }, 404, "not found."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if e := v.send(t, huaweiCloud(v), tt.edit); e.status != tt.status || !strings.Contains(e.body, tt.body) {
					t.Errorf("%d %s, want %d with %q", e.status, e.body, tt.status, tt.body)
				}
			})
		})
	}
}

func TestTheGatewaysClock(t *testing.T) {
	t.Parallel()
	v := readVectors(t)[1]
	for ahead, want := range map[time.Duration]int{
		-15*time.Minute - time.Second: 401, -15 * time.Minute: 404, 15 * time.Minute: 404, 15*time.Minute + time.Second: 401,
	} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := huaweiCloud(v)
				c.ClockAhead += ahead
				e := v.send(t, c, nil)
				if e.status != want || want == 401 && !strings.Contains(e.body, "signature time:20260101T000000Z,server time:"+signedAt.Add(ahead).Format("20060102T150405Z")) {
					t.Errorf("%d %s, want %d", e.status, e.body, want)
				}
				if date := e.header.Get("Date"); date != signedAt.Add(ahead).Format(http.TimeFormat) {
					t.Errorf("Date %q is not that of the cloud's clock", date)
				}
			})
		})
	}
}

func TestMoreThanFiveWrongSignaturesInARowLockTheKey(t *testing.T) {
	t.Parallel()
	v := readVectors(t)[1]
	wrong := func(r *http.Request) { r.Method = http.MethodGet }
	synctest.Test(t, func(t *testing.T) {
		c := huaweiCloud(v)
		try := func(edit func(*http.Request), status int, body string) {
			t.Helper()
			if e := v.send(t, c, edit); e.status != status || !strings.Contains(e.body, body) {
				t.Fatalf("%d %s, want %d with %q", e.status, e.body, status, body)
			}
		}
		for range 5 {
			try(wrong, 401, "verify aksk signature fail")
		}
		try(nil, 404, "not found.") // a good one ends the row
		for range 6 {
			try(wrong, 401, "verify aksk signature fail")
		}
		try(nil, 401, "is locked")
		time.Sleep(5*time.Minute - time.Second)
		try(nil, 401, "is locked")
		time.Sleep(time.Second)
		try(nil, 404, "not found.")
	})
}

// The way to the second page of a member list, as the official SDK signs it.
func TestSignatureOfAMarker(t *testing.T) {
	t.Parallel()
	const project = "0123456789abcdef0123456789abcdef"
	v := vector{
		Method: "GET", Endpoint: "http://cloud.test", Path: "/v2/images/d164b5df-1bc3-4c3f-893e-3e471fd16e64/members",
		AK: "AKEXAMPLE", SK: "SKEXAMPLE", Headers: map[string]string{"X-Sdk-Date": "20260101T000000Z", "X-Project-Id": project},
		Authorization: "SDK-HMAC-SHA256 Access=AKEXAMPLE, SignedHeaders=x-project-id;x-sdk-date, " +
			"Signature=90c9886b2e6c668b7956e100866b6a26ecb8ec65b0f7fdf328887317b67f1ebb",
	}
	for query, want := range map[string]int{"marker=YWI%2BYy9kZQ%3D%3D": 404, "marker=YWI%2BYy9kZQ": 401, "": 401} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := v.send(t, huaweiCloud(v), func(r *http.Request) { r.URL.RawQuery = query })
				if e.status != want {
					t.Errorf("%d %s, want %d", e.status, e.body, want)
				}
			})
		})
	}
}
