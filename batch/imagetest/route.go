package imagetest

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// kind is which part of the cloud a request is for.
type kind int

const (
	noRoute       kind = iota // a path of the Image API that leads nowhere
	identityRoute             // the Identity API
	versionsRoute             // the Image API's list of versions
	imagesRoute               // /v2/images, and /v2/cloudimages of Huawei Cloud
	imageRoute                // /v2/images/{image_id}
	membersRoute              // /v2/images/{image_id}/members
	memberRoute               // /v2/images/{image_id}/members/{member_id}
	metadataRoute             // the metadata service
	outsideRoute              // in front of ImagePrefix
	tooLongRoute              // a request line that eventlet does not read
	notUTF8Route              // a path that WSGI cannot decode
)

// imageAPI reports whether a request has come to the Image API.
func (k kind) imageAPI() bool { return k != identityRoute && k != metadataRoute }

// route is where a request leads.
type route struct {
	kind kind
	// path is the decoded path.
	path              string
	imageID, memberID string
	// page is what page of a member list is asked for, in a cloud with Pages.
	page page
	// list is what list of images is asked for.
	list imageQuery
}

// unpublished reports whether a gateway has no API for the route. It does know
// the list of versions, but only where that belongs.
func (to route) unpublished() bool {
	switch to.kind {
	case noRoute, outsideRoute:
		return true
	case versionsRoute:
		return strings.Trim(to.path, "/") != ""
	}
	return false
}

// maxRequestLine is the length of a request line, in bytes and with its end,
// at which eventlet refuses it.
const maxRequestLine = 8192

var (
	slashes    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`//+`) })
	apiVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v2(\.\d+)?$`) })
)

// route finds where the request leads, from its target and nothing else: what
// net/http has made of it (r.URL) has lost the difference between "%2F" and "/".
func (c *Cloud) route(r *http.Request) route {
	if len(r.Method)+len(r.RequestURI)+len(r.Proto)+len("  \r\n") >= maxRequestLine {
		return route{kind: tooLongRoute}
	}
	path, ok := pathInfo(r.RequestURI)
	if !ok {
		return route{kind: notUTF8Route}
	}
	if path == identityRoot || strings.HasPrefix(path, identityRoot+"/") {
		return route{kind: identityRoute, path: path}
	}
	if c.Huawei && (path == metadataTokenPath || path == metadataKeyPath) {
		return route{kind: metadataRoute, path: path}
	}
	rest, ok := strings.CutPrefix(path, c.ImagePrefix)
	if !ok || c.ImagePrefix != "" && rest != "" && rest[0] != '/' {
		return route{kind: outsideRoute, path: path}
	}
	to := routeImage(rest)
	if to.kind == imagesRoute && strings.HasSuffix(rest, "/cloudimages") {
		if !c.Huawei {
			return route{kind: noRoute, path: rest}
		}
		to.list.huawei = true
	}
	return to
}

// pathInfo makes of a request target what a WSGI server passes on as the path:
// all before the first "?", percent-decoded once, each byte a character
// (PEP 3333), and nothing cleaned. It fails on what is not UTF-8.
func pathInfo(target string) (string, bool) {
	path, _, _ := strings.Cut(target, "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	if !utf8.ValidString(path) {
		return "", false
	}
	latin1 := make([]rune, len(path))
	for i := range len(path) {
		latin1[i] = rune(path[i])
	}
	return string(latin1), true
}

// routeImage routes within the Image API. Its router takes several slashes for
// one, and its patterns, which end in "$", overlook one newline at the end.
func routeImage(path string) route {
	clean := slashes().ReplaceAllString(strings.TrimSuffix(path, "\n"), "/")
	segments := strings.Split(strings.TrimPrefix(clean, "/"), "/")
	if !apiVersion().MatchString(segments[0]) {
		return route{kind: versionsRoute, path: path}
	}
	to := route{kind: noRoute, path: path}
	segments = segments[1:]
	if len(segments) == 1 && (segments[0] == "images" || segments[0] == "cloudimages") {
		to.kind = imagesRoute
		return to
	}
	if len(segments) < 2 || segments[0] != "images" {
		return to
	}
	for _, s := range segments {
		if s == "" {
			return to
		}
	}
	switch segments = segments[1:]; {
	case len(segments) == 1:
		to.kind, to.imageID = imageRoute, segments[0]
	case len(segments) == 2 && segments[1] == "members":
		to.kind, to.imageID = membersRoute, segments[0]
	case len(segments) == 3 && segments[1] == "members":
		to.kind, to.imageID, to.memberID = memberRoute, segments[0], segments[2]
	}
	return to
}
