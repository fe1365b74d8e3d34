package imagetest_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch/imagetest"
)

const (
	unit = "ou-0123456789abcdef0123456789abcdef"
	root = "r-0123456789abcdef"
	firm = "o-0123456789abcdef"
)

// entry is what an entry of a member list says of a member.
type entry struct {
	ImageID string `json:"image_id"`
	ID      string `json:"member_id"`
	Status  string `json:"status"`
	Type    string `json:"member_type"`
	URN     string `json:"urn"`
}

func TestMemberTypesInAList(t *testing.T) {
	t.Parallel()
	const organization = "organizations::default:"
	typed := []entry{
		{imageA, memberA, "pending", "domain", ""},
		{imageA, memberA, "accepted", "project", ""},
		{imageA, memberB, "rejected", "domain", ""},
		{imageA, firm, "pending", "organization", organization + "organization:" + firm},
		{imageA, unit, "pending", "organization", organization + "ou:o-1f2e3d4c5b6a79881f2e3d4c5b6a7988/" + unit},
		{imageA, root, "pending", "organization", organization + "root:o-1f2e3d4c5b6a79881f2e3d4c5b6a7988/" + root},
	}
	var plain []entry
	for _, e := range typed {
		e.Type, e.URN = "", ""
		plain = append(plain, e)
	}
	tests := []struct {
		name    string
		types   bool
		project string
		want    []entry
	}{
		{"Glance knows no types", false, imagetest.ProjectID, plain},
		{"Huawei Cloud shows them", true, imagetest.ProjectID, typed},
		{"a project sees its own entry, not that of an account with the same id", true, memberA, typed[1:2]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.MemberTypes = tt.types
			shareWithAllTypes(c)
			c.SetStatus(imageA, memberA, imagetest.MemberProject, "accepted")
			c.SetStatus(imageA, memberB, imagetest.MemberDomain, "rejected")

			e := call(t, c, "GET", "/v2/images/"+imageA+"/members", c.IssueToken(tt.project, 0), "")

			var list struct{ Members []entry }
			if err := json.Unmarshal([]byte(e.body), &list); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, list.Members); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func shareWithAllTypes(c *imagetest.Cloud) {
	c.Share(imageA, memberA)
	c.ShareAs(imageA, memberA, imagetest.MemberDomain)
	c.ShareAs(imageA, memberB, imagetest.MemberDomain)
	for _, id := range []string{unit, root, firm} {
		c.ShareAs(imageA, id, imagetest.MemberOrganization)
	}
}

// The requests for one member know projects only.
func TestMembersThatAreNoProjects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, member string
		status               int
	}{
		{"a project is read", "GET", memberA, 200},
		{"an account is not", "GET", memberB, 404},
		{"an organization is not", "GET", unit, 404},
		{"a project is removed, not the account with the same id", "DELETE", memberA, 204},
		{"an account is not removed", "DELETE", memberB, 404},
		{"an organization is not removed", "DELETE", unit, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.MemberTypes = true
			shareWithAllTypes(c)

			e := call(t, c, tt.method, memberPath(imageA, tt.member), c.IssueToken(imagetest.ProjectID, 0), "")

			if e.status != tt.status {
				t.Errorf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if tt.status == 404 {
				if got, want := e.message(t), tt.member+" not found in the member list of the image "+imageA+"."; got != want {
					t.Errorf("text %q, want %q", got, want)
				}
			}
			if got, want := c.Shared(imageA, memberA), tt.status != 204; got != want {
				t.Errorf("shared with the project: %t, want %t", got, want)
			}
			if diff := cmp.Diff([]string{memberA, memberB}, c.MembersAs(imageA, imagetest.MemberDomain)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{firm, unit, root}, c.MembersAs(imageA, imagetest.MemberOrganization)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An account with the id of the caller's project gives the project no access.
func TestAnAccountIsNoProject(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.ShareAs(imageA, memberA, imagetest.MemberDomain)
	if e := call(t, c, "GET", "/v2/images/"+imageA, c.IssueToken(memberA, 0), ""); e.status != 404 {
		t.Errorf("status %d, want 404", e.status)
	}
	if c.Shared(imageA, memberA) || c.Members(imageA) != nil {
		t.Errorf("shared with the project: %q", c.Members(imageA))
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	shareWithAllTypes(c)
	c.Revoke(imageA, memberA)
	c.Revoke(imageA, memberA) // again, and of an image that there is not
	c.Revoke(imageB, memberA)
	c.RevokeAs(imageA, memberB, imagetest.MemberDomain)
	if c.Shared(imageA, memberA) {
		t.Error("still shared with the project")
	}
	if diff := cmp.Diff([]string{memberA}, c.MembersAs(imageA, imagetest.MemberDomain)); diff != "" {
		t.Error(diff)
	}
	if got := c.Stats().MembersRemoved; got != 0 {
		t.Errorf("%d members counted as removed", got)
	}
}

func TestStatusOfNobody(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	imagetest.NewCloud().SetStatus(imageA, memberA, imagetest.MemberProject, "accepted")
}
