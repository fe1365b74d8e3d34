package imageapi

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"imsrevoke/batch"
)

const (
	imagesPath = "/v2/images/"
	// markerIs begins the query for a page of a member list.
	markerIs = "marker="
	// imageListPath lists images, huaweiListPath does so on Huawei Cloud.
	imageListPath  = "/v2/images"
	huaweiListPath = "/v2/cloudimages"
)

func membersPath(imageID string) string {
	return imagesPath + imageID + "/members"
}

func memberPath(p batch.Pair) string {
	return imagesPath + p.ImageID + "/members/" + p.MemberID
}

// addBody asks for a member to be added.
func addBody(memberID string) []byte { return []byte(`{"member":"` + memberID + `"}`) }

// request makes a request for a path below the endpoint, with a query and a body
// of JSON unless they are empty. It does so by hand: url.JoinPath, path.Join and
// URL.ResolveReference would take a member id of ".." for a step up, which turns
// the request for a member into one for the image, and a DELETE of that into an
// accident.
func (c *Client) request(method, path, query string, body []byte) (http.Request, error) {
	u := c.endpoint
	u.RawQuery = query
	if u.RawPath != "" {
		u.RawPath += path
	}
	u.Path += path
	// What counts is what will stand on the request line. An opaque part would
	// stand there in the place of the path.
	line := u.RequestURI()
	target, ok := strings.CutPrefix(line, c.basePath)
	if !ok || u.Opaque != "" {
		return http.Request{}, fmt.Errorf("the request line %q is not below the endpoint", line)
	}
	if err := guard(method, target, body); err != nil {
		return http.Request{}, err
	}
	header := maps.Clone(c.header)
	header[requestIDHeader] = []string{newRequestID()}
	req := http.Request{
		Method:     method,
		URL:        &u,
		Host:       u.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     header,
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = int64(len(body))
		// It is also what a signature is made over.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req, nil
}

// guard lets nothing pass but a DELETE of one member, a GET of a page of a
// member list or an image list, and a POST to a member list of one member and nothing else. The rows
// were validated when they were read; this is the second lock on the same door,
// and it looks at the request and not at the row.
func guard(method, target string, body []byte) error {
	if method == http.MethodGet && len(body) == 0 && isImageList(target) {
		return nil
	}
	rest, ok := strings.CutPrefix(target, imagesPath)
	imageID, members, hasMembers := strings.Cut(rest, "/")
	err := batch.ValidateImageID(imageID)
	switch {
	case !ok || !hasMembers:
		err = fmt.Errorf("not a request for the members of an image")
	case err != nil:
	case method == http.MethodPost && members == "members":
		// What a valid id looks like in JSON is the id itself.
		memberID, isMember := cutAround(string(body), `{"member":"`, `"}`)
		if err = batch.ValidateMemberID(memberID); err == nil && !isMember {
			err = fmt.Errorf("the body is not a member")
		}
	case len(body) > 0:
		err = fmt.Errorf("it has a body")
	case method == http.MethodGet && (members == "members" || isPage(members)):
	case method == http.MethodDelete:
		memberID, isMember := strings.CutPrefix(members, "members/")
		if err = batch.ValidateMemberID(memberID); err == nil && !isMember {
			err = fmt.Errorf("not a request for a member")
		}
	default:
		err = fmt.Errorf("not a request that this program makes")
	}
	if err != nil {
		return fmt.Errorf("refuse %s %q: %w", method, target, err)
	}
	return nil
}

// isPage reports whether what follows the image id in a request is its member
// list from a marker on, and nothing else.
func isPage(members string) bool {
	marker, ok := strings.CutPrefix(members, "members?"+markerIs)
	return ok && marker != "" && !strings.ContainsFunc(marker, notEscaped)
}

// isImageList reports whether a target is a page of an image list, and nothing
// else.
func isImageList(target string) bool {
	path, query, _ := strings.Cut(target, "?")
	return (path == imageListPath || path == huaweiListPath) && !strings.ContainsFunc(query, func(r rune) bool {
		return r != '=' && r != '&' && notEscaped(r)
	})
}

// notEscaped reports whether a character cannot stand in what url.QueryEscape
// returns.
func notEscaped(r rune) bool {
	return r != '%' && r != '+' && r != '.' && r != '~' && !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-' || r == '_')
}

// cutAround is s without what it begins and ends with, if it does.
func cutAround(s, before, behind string) (inner string, ok bool) {
	if inner, ok = strings.CutPrefix(s, before); !ok {
		return s, false
	}
	return strings.CutSuffix(inner, behind)
}
