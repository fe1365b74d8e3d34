package cloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch/clockskew"
)

// signatureScheme is that of Huawei Cloud's gateways, described in its API
// Request Signing Guide.
const signatureScheme = "SDK-HMAC-SHA256"

// signedHeaders are signed where a request has them: what says where it goes,
// when it was made, and for whom. The rest is left out, so that a proxy which
// rewrites the User-Agent, say, does not spoil the signature.
var signedHeaders = []string{"host", "x-project-id", "x-sdk-date", "x-security-token"}

// An accessKey signs requests: an access key (AK) with its secret key (SK).
type accessKey struct {
	id     string
	secret Secret
	// securityToken belongs to a temporary key; a permanent one has none.
	securityToken Secret
	// projectID is empty for requests that are for no project.
	projectID string
}

// authorize signs a request as of now. Its body, if it has one, is signed as
// GetBody gives it.
func (k accessKey) authorize(req *http.Request) {
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("X-Sdk-Date", time.Now().UTC().Format(clockskew.Layout))
	set("X-Project-Id", k.projectID)
	set("X-Security-Token", string(k.securityToken))
	signed := slices.DeleteFunc(slices.Clone(signedHeaders), func(name string) bool {
		return headerValue(req, name) == ""
	})
	set("Authorization", k.authorization(req, signed))
}

// authorization is the value of the header for a request whose headers of these
// names, in lower case and sorted, are signed.
func (k accessKey) authorization(req *http.Request, signed []string) string {
	names := strings.Join(signed, ";")
	toSign := strings.Join([]string{
		signatureScheme,
		req.Header.Get("X-Sdk-Date"),
		hexSHA256(canonicalRequest(req, signed)),
	}, "\n")
	mac := hmac.New(sha256.New, []byte(k.secret))
	mac.Write([]byte(toSign))
	return signatureScheme + " Access=" + k.id + ", SignedHeaders=" + names + ", Signature=" + hex.EncodeToString(mac.Sum(nil))
}

// canonicalRequest is a request in the one form in which both sides see it.
func canonicalRequest(req *http.Request, signed []string) string {
	var headers strings.Builder
	for _, name := range signed {
		headers.WriteString(name + ":" + headerValue(req, name) + "\n")
	}
	return strings.Join([]string{
		req.Method,
		canonicalPath(req.URL),
		canonicalQuery(req.URL.Query()),
		headers.String(),
		strings.Join(signed, ";"),
		hexSHA256(bodyOf(req)),
	}, "\n")
}

// bodyOf is a copy of the body of a request, which is still to be read.
func bodyOf(req *http.Request) string {
	if req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return "" // which the server refuses
	}
	defer body.Close()
	text, _ := io.ReadAll(body) // likewise
	return string(text)
}

// canonicalPath encodes each segment by itself; a slash stands at the end,
// whether or not the path has one.
func canonicalPath(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
		segments[i] = percentEncode(s)
	}
	path := strings.Join(segments, "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

func canonicalQuery(query url.Values) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range slices.Sorted(slices.Values(query[name])) {
			parts = append(parts, percentEncode(name)+"="+percentEncode(value))
		}
	}
	return strings.Join(parts, "&")
}

// percentEncode leaves only the unreserved characters of RFC 3986 as they are.
func percentEncode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// headerValue is what a request says in a header. Of the host net/http keeps
// no header.
func headerValue(req *http.Request, name string) string {
	switch {
	case name != "host":
		return strings.TrimSpace(req.Header.Get(name))
	case req.Host != "":
		return req.Host
	}
	return req.URL.Host
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
