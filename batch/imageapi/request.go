package imageapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"imsrevoke/batch"
)

const imagesPath = "/v2/images/"

func membersPath(imageID string) string {
	return imagesPath + imageID + "/members"
}

func memberPath(p batch.Pair) string {
	return membersPath(p.ImageID) + "/" + p.MemberID
}

// request makes a request for a path below the endpoint. It does so by hand:
// url.JoinPath, path.Join and URL.ResolveReference would take a member id of
// ".." for a step up, which turns the request for a member into one for the
// image, and a DELETE of that into an accident.
func (c *Client) request(ctx context.Context, method, path string) (*http.Request, error) {
	u := *c.config.Endpoint
	if u.RawPath != "" {
		u.RawPath += path
	}
	u.Path += path
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	// What counts is what will stand on the request line.
	target, ok := strings.CutPrefix(u.EscapedPath(), c.config.Endpoint.EscapedPath())
	if !ok || u.RequestURI() != u.EscapedPath() {
		return nil, fmt.Errorf("the request line %q is not below the endpoint", u.RequestURI())
	}
	if err := guard(method, target); err != nil {
		return nil, err
	}
	req := &http.Request{
		Method:     method,
		URL:        &u,
		Host:       u.Host,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header: http.Header{
			"Accept":        {"application/json"},
			"User-Agent":    {c.config.UserAgent},
			requestIDHeader: {newRequestID()},
		},
	}
	return req.WithContext(ctx), nil
}

// guard lets nothing pass but a DELETE of one member and a GET of a member
// list. The rows were judged when they were read; this is the second lock on
// the same door, and it looks at the request and not at the row.
func guard(method, target string) error {
	rest, ok := strings.CutPrefix(target, imagesPath)
	imageID, members, hasMembers := strings.Cut(rest, "/")
	err := batch.ValidateImageID(imageID)
	switch {
	case !ok || !hasMembers:
		err = fmt.Errorf("it is no request for the members of an image")
	case err != nil:
	case method == http.MethodGet && members == "members":
	case method == http.MethodDelete:
		memberID, isMember := strings.CutPrefix(members, "members/")
		if err = batch.ValidateMemberID(memberID); err == nil && !isMember {
			err = fmt.Errorf("it is no request for a member")
		}
	default:
		err = fmt.Errorf("it is no request that this program makes")
	}
	if err != nil {
		return fmt.Errorf("refuse %s %q: %w", method, target, err)
	}
	return nil
}
