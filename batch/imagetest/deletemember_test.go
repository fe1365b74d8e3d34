package imagetest_test

import (
	"strings"
	"testing"

	"imsrevoke/batch/imagetest"
)

func TestDeleteMember(t *testing.T) {
	t.Parallel()
	const (
		noMember  = memberA + " not found in the member list of the image " + imageA + "."
		noImage   = "Image " + imageA + " not found."
		forbidden = "Not allowed to delete members for image " + imageA + "."
		policy    = "You are not authorized to complete delete_member action."
		noRoute   = "The resource could not be found."
	)
	path := memberPath(imageA, memberA)
	tests := []struct {
		name    string
		image   imagetest.Image // imageA, shared with memberA beforehand
		secure  bool
		project string // of the caller, the owner when empty
		roles   []string
		prepare func(*imagetest.Cloud)
		method  string // DELETE when empty
		path    string
		body    string
		status  int
		text    string
		allow   string
		kept    bool
	}{
		{name: "a share of one's own image is removed", status: 204},
		{name: "a protected image's share is removed", image: imagetest.Image{Protected: true}, status: 204},
		{name: "an admin of another project removes it", project: stranger, roles: []string{"admin"}, status: 204},
		{name: "a reader of the owner's project removes it", roles: []string{"reader"}, status: 204},
		{name: "an id in the other letter case is the same", path: memberPath(imageA, strings.ToUpper(memberA)), status: 204},
		{name: "any minor version works", path: "/v2.0/images/" + imageA + "/members/" + memberA, status: 204},
		{name: "who was never a member is not found", path: memberPath(imageA, memberB), status: 404,
			text: memberB + " not found in the member list of the image " + imageA + ".", kept: true},
		{name: "an unknown image is not found", path: memberPath(imageB, memberA), status: 404,
			text: "Image " + imageB + " not found.", kept: true},
		{name: "a malformed image id is not found", path: memberPath("x", memberA), status: 404,
			text: "Image x not found.", kept: true},
		{name: "somebody else's image is not found", project: stranger, status: 404, text: noImage, kept: true},
		{name: "somebody else's private image is not found, even for a member", project: memberA,
			image: imagetest.Image{Visibility: imagetest.Private}, status: 404, text: noImage, kept: true},
		{name: "a member may not remove itself", project: memberA, status: 403, text: forbidden, kept: true},
		{name: "a member may not remove another", project: memberB, status: 403, text: forbidden, kept: true,
			prepare: func(c *imagetest.Cloud) { c.Share(imageA, memberB) }},
		{name: "somebody else's public image is forbidden", project: stranger,
			image: imagetest.Image{Visibility: imagetest.Public}, status: 403, text: forbidden, kept: true},
		{name: "somebody else's community image is forbidden", project: stranger,
			image: imagetest.Image{Visibility: imagetest.Community}, status: 403, text: forbidden, kept: true},
		{name: "one's own image that is private now is forbidden",
			image: imagetest.Image{Visibility: imagetest.Private}, status: 403, text: forbidden, kept: true},
		{name: "one's own image that is public now is forbidden",
			image: imagetest.Image{Visibility: imagetest.Public}, status: 403, text: forbidden, kept: true},

		{name: "secure RBAC: a member of the owner's project removes it", secure: true, status: 204},
		{name: "secure RBAC: a reader is forbidden", secure: true, roles: []string{"reader"}, status: 403, text: policy, kept: true},
		{name: "secure RBAC: without reader nothing is found", secure: true, roles: []string{"member"}, status: 404, text: noRoute, kept: true},
		{name: "secure RBAC: a member of the image is forbidden", secure: true, project: memberA, status: 403, text: policy, kept: true},
		{name: "secure RBAC: an admin removes it", secure: true, project: stranger, roles: []string{"admin"}, status: 204},

		{name: "a body is refused", body: "{}", status: 400, text: "A body is not expected with this request.", kept: true},
		{name: "the member list cannot be deleted", path: "/v2/images/" + imageA + "/members", status: 405,
			text: "The method DELETE is not allowed for this resource.", allow: "GET, POST", kept: true},
		{name: "an empty member id is no route", path: memberPath(imageA, ""), status: 404, text: noRoute, kept: true},
		{name: "a slash at the end is no route", path: path + "/", status: 404, text: noRoute, kept: true},
		{name: "the wrong collection is no route", path: "/v2/images/" + imageA + "/tags/" + memberA, status: 404, text: noRoute, kept: true},
		{name: "POST on a member is not allowed", method: "POST", status: 405,
			text: "The method POST is not allowed for this resource.", allow: "GET, PUT, DELETE", kept: true},
		{name: "an unknown method is not allowed", method: "BREW", status: 405,
			text: "The method BREW is not allowed for this resource.", allow: "GET, PUT, DELETE", kept: true},
		{name: "a removal that is repeated finds no member", status: 404, text: noMember,
			prepare: func(c *imagetest.Cloud) {
				token := c.IssueToken(imagetest.ProjectID, 0)
				if e := call(t, c, "DELETE", path, token, ""); e.status != 204 {
					t.Errorf("first removal: %d", e.status)
				}
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.SecureRBAC = tt.secure
			c.Share(imageA, memberA)
			tt.image.ID = imageA
			c.AddImage(tt.image)
			if tt.prepare != nil {
				tt.prepare(c)
			}
			token := c.IssueToken(or(tt.project, imagetest.ProjectID), 0, tt.roles...)
			before := c.Stats().MembersRemoved

			e := call(t, c, or(tt.method, "DELETE"), or(tt.path, path), token, tt.body)

			if e.status != tt.status {
				t.Errorf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if tt.status == 204 {
				if e.body != "" || e.header.Get("Content-Type") != "" {
					t.Errorf("a 204 with body %q of type %q", e.body, e.header.Get("Content-Type"))
				}
			} else if got := e.message(t); got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
			if got := e.header.Get("Allow"); got != tt.allow {
				t.Errorf("Allow %q, want %q", got, tt.allow)
			}
			if e.header.Get("X-Openstack-Request-Id") == "" {
				t.Error("no request id")
			}
			if got := c.Shared(imageA, memberA); got != tt.kept {
				t.Errorf("shared afterwards: %t, want %t", got, tt.kept)
			}
			if removed := c.Stats().MembersRemoved - before; (removed == 1) != (tt.status == 204) {
				t.Errorf("%d members counted as removed after a %d", removed, tt.status)
			}
		})
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func TestHeadAndOptionsOnAMember(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.Share(imageA, memberA)
	token := c.IssueToken(imagetest.ProjectID, 0)
	for method, want := range map[string]int{"HEAD": 405, "OPTIONS": 200} {
		if e := call(t, c, method, memberPath(imageA, memberA), token, ""); e.status != want || e.body != "" {
			t.Errorf("%s: %d %q, want %d and no body", method, e.status, e.body, want)
		}
	}
}
