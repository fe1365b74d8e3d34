package imagetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch/imagetest"
)

func TestListMembers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		project    string
		visibility imagetest.Visibility
		secure     bool
		roles      []string
		status     int
		text       string
		members    []string
	}{
		{name: "the owner sees all members", project: imagetest.ProjectID, status: 200, members: []string{memberA, memberB}},
		{name: "an admin sees all members", project: stranger, roles: []string{"admin"}, status: 200, members: []string{memberA, memberB}},
		{name: "a member sees itself", project: memberB, status: 200, members: []string{memberB}},
		{name: "a stranger sees nothing", project: stranger, status: 404, text: "Image " + imageA + " not found."},
		{name: "the owner of an image not shared is forbidden", project: imagetest.ProjectID, visibility: imagetest.Private, status: 403,
			text: "Not allowed to list members for image " + imageA + ": Only shared images have members."},
		{name: "secure RBAC: without reader nothing is found", project: imagetest.ProjectID, secure: true, roles: []string{"member"},
			status: 404, text: "The resource could not be found."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.SecureRBAC = tt.secure
			c.Share(imageA, memberB)
			c.Share(imageA, memberA)
			c.AddImage(imagetest.Image{ID: imageA, Visibility: tt.visibility})
			token := c.IssueToken(tt.project, 0, tt.roles...)

			e := call(t, c, "GET", "/v2/images/"+imageA+"/members?limit=1", token, "")

			if e.status != tt.status {
				t.Fatalf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if tt.status != 200 {
				if got := e.message(t); got != tt.text {
					t.Errorf("text %q, want %q", got, tt.text)
				}
				return
			}
			var list struct {
				Members []struct {
					ID string `json:"member_id"`
				}
			}
			if err := json.Unmarshal([]byte(e.body), &list); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range list.Members {
				got = append(got, m.ID)
			}
			if diff := cmp.Diff(tt.members, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListOfNoMembersIsAnEmptyArray(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.AddImage(imagetest.Image{ID: imageA})
	e := call(t, c, "GET", "/v2/images/"+imageA+"/members", c.IssueToken(imagetest.ProjectID, 0), "")
	if want := `{"members":[],"schema":"/v2/schemas/members"}`; e.body != want {
		t.Errorf("body %s, want %s", e.body, want)
	}
}

func TestAddMember(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		project string
		image   imagetest.Image
		quota   int
		body    string
		status  int
		text    string
		member  string // added
	}{
		{name: "the owner adds a member", body: `{"member":"` + memberB + `"}`, status: 200, member: memberB},
		{name: "any text will do", body: `{"member":".."}`, status: 200, member: ".."},
		{name: "a number will do", body: `{"member":12}`, status: 200, member: "12"},
		{name: "a member twice is a conflict", body: `{"member":"` + memberA + `"}`, status: 409,
			text: "Member " + memberA + " is duplicated for image " + imageA},
		{name: "the quota is kept", quota: 1, body: `{"member":"` + memberB + `"}`, status: 413,
			text: "Image member limit exceeded for image " + imageA + ": The limit has been exceeded on the number of allowed image members for this image. Attempted: 2, Maximum: 1:"},
		{name: "nobody", body: `{"member":""}`, status: 400, text: "Member can't be empty"},
		{name: "nothing", body: `{}`, status: 400, text: "Member to be added not specified"},
		{name: "no body", status: 400, text: "Body expected in request."},
		{name: "the quota is kept first", quota: 1, body: `{"member":"` + memberA + `"}`, status: 413,
			text: "Image member limit exceeded for image " + imageA + ": The limit has been exceeded on the number of allowed image members for this image. Attempted: 2, Maximum: 1:"},
		{name: "null is nobody", body: `{"member":null}`, status: 400, text: "Member can't be empty"},
		{name: "zero is nobody", body: `{"member":0.0}`, status: 400, text: "Member can't be empty"},
		{name: "false is nobody", body: `{"member":false}`, status: 400, text: "Member can't be empty"},
		{name: "true is somebody", body: `{"member":true}`, status: 200, member: "1"},
		{name: "the last of two counts", body: `{"member":"x","member":"y","status":"accepted"}`, status: 200, member: "y"},
		{name: "an object breaks it", body: `{"member":{}}`, status: 500,
			text: "The server has either erred or is incapable of performing the requested operation."},
		{name: "a list", body: `["member"]`, status: 400, text: `Expected a member in the form: {"member": "image_id"}`},
		{name: "a text", body: `"member"`, status: 400, text: "Unexpected body type. Expected list/dict."},
		{name: "no JSON", body: `{`, status: 400, text: "Malformed JSON in request body."},
		{name: "JSON and more", body: `{"member":"x"} y`, status: 400, text: "Malformed JSON in request body."},
		{name: "no UTF-8", body: "{\"member\":\"\xff\"}", status: 400, text: "Malformed JSON in request body."},
		{name: "letters of four bytes", body: `{"member":"😀"}`, status: 400, text: "Member can't contain 4 byte unicode characters."},
		{name: "an id of 300 characters breaks it", body: `{"member":"` + strings.Repeat("x", 300) + `"}`, status: 500,
			text: "The server has either erred or is incapable of performing the requested operation."},
		{name: "a member may add nobody", project: memberA, body: `{"member":"x"}`, status: 403,
			text: "Not allowed to create members for image " + imageA + "."},
		{name: "a private image takes nobody", image: imagetest.Image{Visibility: imagetest.Private}, body: `{"member":"x"}`, status: 403,
			text: "Not allowed to create members for image " + imageA + "."},
		{name: "a stranger sees no image", project: stranger, body: `{"member":"x"}`, status: 404, text: "Image " + imageA + " not found."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			if tt.quota > 0 {
				c.MemberQuota = tt.quota
			}
			c.Share(imageA, memberA)
			tt.image.ID = imageA
			c.AddImage(tt.image)
			token := c.IssueToken(or(tt.project, imagetest.ProjectID), 0)

			e := call(t, c, "POST", "/v2/images/"+imageA+"/members", token, tt.body)

			if e.status != tt.status {
				t.Fatalf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if tt.status != 200 {
				if got := e.message(t); got != tt.text {
					t.Errorf("text %q, want %q", got, tt.text)
				}
				if got := c.Members(imageA); len(got) != 1 {
					t.Errorf("members %q after a refusal", got)
				}
				return
			}
			if !c.Shared(imageA, tt.member) {
				t.Errorf("not shared with %q: %q", tt.member, c.Members(imageA))
			}
		})
	}
}

func TestReadAndAnswerAMember(t *testing.T) {
	t.Parallel()
	const noReader = "The resource could not be found."
	path := memberPath(imageA, memberA)
	accept := `{"status":"accepted"}`
	tests := []struct {
		name         string
		project      string
		secure       bool
		roles        []string
		visibility   imagetest.Visibility
		method, path string
		body         string
		status       int
		text         string
	}{
		{name: "the owner reads", method: "GET", path: path, status: 200},
		{name: "a stranger does not find the image", project: stranger, method: "GET", path: path, status: 404, text: "Image " + imageA + " not found."},
		{name: "a member does not find another", project: memberA, method: "GET", path: memberPath(imageA, memberB), status: 404,
			text: memberB + " not found in the member list of the image " + imageA + "."},
		{name: "a private image has no members to read", visibility: imagetest.Private, method: "GET", path: path, status: 404,
			text: "Only shared images have members."},
		{name: "secure RBAC: without reader nothing is read", secure: true, roles: []string{"member"}, method: "GET", path: path, status: 404, text: noReader},

		{name: "a member accepts", project: memberA, method: "PUT", path: path, body: accept, status: 200},
		{name: "a member cannot accept for another", project: memberA, method: "PUT", path: memberPath(imageA, memberB), body: accept, status: 404,
			text: memberB + " not found in the member list of the image " + imageA + "."},
		{name: "an admin accepts for anybody", project: stranger, roles: []string{"admin"}, method: "PUT", path: path, body: accept, status: 200},
		{name: "the owner cannot accept", method: "PUT", path: path, body: accept, status: 403,
			text: "Not allowed to update members for image " + imageA + "."},
		{name: "a stranger has nothing to accept", project: stranger, method: "PUT", path: path, body: accept, status: 404,
			text: "Image " + imageA + " not found."},
		{name: "no status", project: memberA, method: "PUT", path: path, body: "{}", status: 400, text: "Status not specified"},
		{name: "secure RBAC: a reader cannot accept", project: memberA, secure: true, roles: []string{"reader"}, method: "PUT", path: path, body: accept,
			status: 403, text: "You are not authorized to complete modify_member action."},
		{name: "secure RBAC: the owner cannot accept", secure: true, method: "PUT", path: path, body: accept,
			status: 403, text: "You are not authorized to complete modify_member action."},
		{name: "secure RBAC: the owner finds who is no member", secure: true, method: "PUT", path: memberPath(imageA, "x"), body: accept,
			status: 404, text: "x not found in the member list of the image " + imageA + "."},
		{name: "secure RBAC: without reader nothing is accepted", project: memberA, secure: true, roles: []string{"member"}, method: "PUT", path: path,
			body: accept, status: 404, text: noReader},
		{name: "secure RBAC: without reader nobody is added", secure: true, roles: []string{"member"}, method: "POST",
			path: "/v2/images/" + imageA + "/members", body: `{"member":"x"}`, status: 404, text: noReader},
		{name: "secure RBAC: a reader adds nobody", secure: true, roles: []string{"reader"}, method: "POST",
			path: "/v2/images/" + imageA + "/members", body: `{"member":"x"}`, status: 403, text: "You are not authorized to complete add_member action."},
		{name: "secure RBAC: a member of the image adds nobody", secure: true, project: memberA, method: "POST",
			path: "/v2/images/" + imageA + "/members", body: `{"member":"x"}`, status: 403, text: "You are not authorized to complete add_member action."},
		{name: "secure RBAC: a private image takes nobody, whoever asks", secure: true, roles: []string{"member"}, visibility: imagetest.Private, method: "POST",
			path: "/v2/images/" + imageA + "/members", body: `{"member":"x"}`, status: 403, text: "Not allowed to create members for image " + imageA + "."},
		{name: "secure RBAC: without reader no image is read", secure: true, roles: []string{"member"}, method: "GET", path: "/v2/images/" + imageA,
			status: 404, text: noReader},
		{name: "images are not changed through the API", method: "PATCH", path: "/v2/images/" + imageA, status: 501,
			text: "imagetest does not change images through the API: use AddImage."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.SecureRBAC = tt.secure
			c.Share(imageA, memberA)
			c.Share(imageA, memberB)
			c.AddImage(imagetest.Image{ID: imageA, Visibility: tt.visibility})
			token := c.IssueToken(or(tt.project, imagetest.ProjectID), 0, tt.roles...)

			e := call(t, c, tt.method, tt.path, token, tt.body)

			if e.status != tt.status {
				t.Fatalf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if tt.status == 200 {
				status := map[string]string{"GET": "pending", "PUT": "accepted"}[tt.method]
				if !strings.Contains(e.body, `"status":"`+status+`"`) {
					t.Errorf("body %s, want status %s", e.body, status)
				}
			} else if got := e.message(t); got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
		})
	}
}

func TestDefaultQuotaIs128(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.AddImage(imagetest.Image{ID: imageA})
	token := c.IssueToken(imagetest.ProjectID, 0)
	for i := range 129 {
		e := call(t, c, "POST", "/v2/images/"+imageA+"/members", token, fmt.Sprintf(`{"member":"m%d"}`, i))
		if want := map[bool]int{true: 200, false: 413}[i < 128]; e.status != want {
			t.Fatalf("member %d: %d, want %d", i+1, e.status, want)
		}
	}
}

// A share that comes back starts anew, but keeps the time of the first one.
func TestMemberLifeCycle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.TokenLifetime = 24 * time.Hour
		c.AddImage(imagetest.Image{ID: imageA})
		owner, member := c.IssueToken(imagetest.ProjectID, 0), c.IssueToken(memberA, 0)
		path := memberPath(imageA, memberA)
		step := func(method, path, token, body string, status int, memberStatus, created, updated string) {
			t.Helper()
			time.Sleep(time.Second)
			e := call(t, c, method, path, token, body)
			if e.status != status {
				t.Fatalf("%s: %d, want %d (%s)", method, e.status, status, e.body)
			}
			if memberStatus == "" {
				return
			}
			want := fmt.Sprintf(`{"member_id":%q,"image_id":%q,"status":%q,"created_at":"2000-01-01T00:00:%sZ","updated_at":"2000-01-01T00:00:%sZ","schema":"/v2/schemas/member"}`,
				memberA, imageA, memberStatus, created, updated)
			if e.body != want {
				t.Errorf("%s:\n got %s\nwant %s", method, e.body, want)
			}
		}
		add := "/v2/images/" + imageA + "/members"
		step("POST", add, owner, `{"member":"`+memberA+`"}`, 200, "pending", "01", "01")
		step("PUT", path, owner, `{"status":"accepted"}`, 403, "", "", "")
		step("PUT", path, member, `{"status":"perhaps"}`, 400, "", "", "")
		step("PUT", path, member, `{"status":"accepted"}`, 200, "accepted", "01", "04")
		step("GET", path, member, "", 200, "accepted", "01", "04")
		step("DELETE", path, owner, "", 204, "", "", "")
		step("GET", path, owner, "", 404, "", "", "")
		step("GET", "/v2/images/"+imageA, member, "", 404, "", "", "")
		step("POST", add, owner, `{"member":"`+memberA+`"}`, 200, "pending", "01", "09")
		step("GET", "/v2/images/"+imageA, member, "", 200, "", "", "")
		step("PUT", path, member, `{"status":"rejected"}`, 200, "rejected", "01", "11")
		step("DELETE", path, owner, "", 204, "", "", "")
		if got := c.Members(imageA); got != nil {
			t.Errorf("members %q at the end", got)
		}
	})
}

func TestMembersSurviveAPrivateImage(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.Share(imageA, memberA)
	token := c.IssueToken(imagetest.ProjectID, 0)
	c.AddImage(imagetest.Image{ID: imageA, Visibility: imagetest.Private})
	c.AddImage(imagetest.Image{ID: imageA, Visibility: imagetest.Shared})
	if e := call(t, c, "DELETE", memberPath(imageA, memberA), token, ""); e.status != http.StatusNoContent {
		t.Errorf("status %d, want 204", e.status)
	}
}

func TestDeleteImage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		image   imagetest.Image
		project string
		secure  bool
		roles   []string
		status  int
		text    string
	}{
		{name: "an image with members is deleted", status: 204},
		{name: "a protected image is kept", image: imagetest.Image{Protected: true}, status: 403,
			text: "Image " + imageA + " is protected and cannot be deleted."},
		{name: "a member cannot delete the image", project: memberA, status: 403, text: "You do not own this image"},
		{name: "a stranger does not find the image", project: stranger, status: 404, text: "Failed to find image " + imageA + " to delete"},
		{name: "a reader deletes the image", roles: []string{"reader"}, status: 204},
		{name: "secure RBAC: a reader does not", secure: true, roles: []string{"reader"}, status: 403,
			text: "You are not authorized to complete delete_image action."},
		{name: "secure RBAC: who cannot read an image can delete it", secure: true, roles: []string{"member"}, status: 204},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.Share(imageA, memberA)
			tt.image.ID = imageA
			c.AddImage(tt.image)
			c.SecureRBAC = tt.secure
			token := c.IssueToken(or(tt.project, imagetest.ProjectID), 0, tt.roles...)
			e := call(t, c, "DELETE", "/v2/images/"+imageA, token, "")
			if e.status != tt.status || tt.text != "" && e.message(t) != tt.text {
				t.Errorf("%d %s, want %d %q", e.status, e.body, tt.status, tt.text)
			}
			want := tt.status == 204
			if gone := !c.ImageExists(imageA); gone != want || c.Stats().ImagesDeleted == 1 != want || len(c.Images()) == 0 != want {
				t.Errorf("gone: %t (%d counted), want %t", gone, c.Stats().ImagesDeleted, want)
			}
		})
	}
}
