package imagetest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch/imagetest"
)

// What is one member to MariaDB can be several to PostgreSQL.
func TestCaseSensitive(t *testing.T) {
	t.Parallel()
	upper := strings.ToUpper(memberA)
	tests := []struct {
		name          string
		exact         bool
		image, member string // of the DELETE
		status        int
		left          []string
	}{
		{"MariaDB: two spellings are one member, the last one shared", false, imageA, memberA, 204, nil},
		{"MariaDB: an image id in the other letter case is the same", false, strings.ToUpper(imageA), memberA, 204, nil},
		{"MariaDB: a space at the end is padding", false, imageA, memberA + "%20", 204, nil},
		{"PostgreSQL: one spelling is removed, the other stays", true, imageA, memberA, 204, []string{upper}},
		{"PostgreSQL: the other spelling is removed", true, imageA, upper, 204, []string{memberA}},
		{"PostgreSQL: a third spelling is nobody", true, imageA, "A" + memberA[1:], 404, []string{upper, memberA}},
		{"PostgreSQL: an image id in the other letter case is no image", true, strings.ToUpper(imageA), memberA, 404, []string{upper, memberA}},
		{"PostgreSQL: a space at the end is another id", true, imageA, memberA + "%20", 404, []string{upper, memberA}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.CaseSensitive = tt.exact
			c.Share(imageA, memberA)
			c.Share(imageA, upper)

			e := call(t, c, "DELETE", memberPath(tt.image, tt.member), c.IssueToken(imagetest.ProjectID, 0), "")

			if e.status != tt.status {
				t.Errorf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			if diff := cmp.Diff(tt.left, c.Members(imageA)); diff != "" {
				t.Error(diff)
			}
			for _, id := range []string{memberA, upper} {
				want := slices.Contains(tt.left, id)
				if got := c.Shared(imageA, id); got != want {
					t.Errorf("shared with %s: %t, want %t", id, got, want)
				}
			}
		})
	}
}

func TestAttemptsAreCountedByTheSameComparison(t *testing.T) {
	t.Parallel()
	for exact, want := range map[bool]int{false: 2, true: 1} {
		c := imagetest.NewCloud()
		c.CaseSensitive = exact
		token := c.IssueToken(imagetest.ProjectID, 0)
		call(t, c, "GET", memberPath(imageA, memberA), token, "")
		call(t, c, "GET", memberPath(imageA, strings.ToUpper(memberA)), token, "")
		if got := c.Requests()[1].Attempt; got != want {
			t.Errorf("case-sensitive %t: attempt %d, want %d", exact, got, want)
		}
	}
}

func TestMemberIDsInAnyForm(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"edc89b49-0d7d-4392-898e-19b2deb34797", "{edc89b490d7d4392898e19b2deb34797}",
		"urn:uuid:edc89b49-0d7d-4392-898e-19b2deb34797", " edc8", "..", "a/b", "é",
	} {
		c := imagetest.NewCloud()
		c.Share(imageA, id)
		if diff := cmp.Diff([]string{id}, c.Members(imageA)); diff != "" {
			t.Error(diff)
		}
	}
}
