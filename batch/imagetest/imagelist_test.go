package imagetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// listedImages asks for a page of images, and returns the last characters of their
// ids and the query of the next page.
func listedImages(t *testing.T, c *Cloud, token, query string) (ids []string, next string, status int) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://cloud.example/v2/images?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	resp, err := c.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct {
		Images []struct{ ID string }
		Next   string
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range page.Images {
		ids = append(ids, strings.TrimLeft(i.ID[:8], "0"))
	}
	if page.Next != "" {
		u, err := url.Parse(page.Next)
		if err != nil {
			t.Fatal(err)
		}
		next = u.RawQuery
	}
	return ids, next, resp.StatusCode
}

// TestImageLists: who sees which images, as Glance has it
// (_select_images_query in glance/db/sqlalchemy/api.py).
func TestImageLists(t *testing.T) {
	t.Parallel()
	c := NewCloud()
	id := func(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }
	for n, i := range []Image{
		{}, {Hidden: true}, {Visibility: Private}, {Visibility: Community}, {Visibility: Public},
		{Owner: "other"}, {Owner: "other", Visibility: Private}, {Owner: "other", Visibility: Community}, {Owner: "other", Visibility: Public},
	} {
		i.ID = id(n + 1)
		c.AddImage(i)
	}
	c.Share(id(6), ProjectID)
	c.AddUser(User{Name: "admin", ProjectID: "admins", Roles: []string{RoleAdmin}})
	ours := c.IssueToken(ProjectID, time.Hour)
	tests := []struct {
		query string
		want  string
	}{
		{"sort=created_at:asc", "1 3 4 5 9"},
		{"", "9 5 4 3 1"},
		{"sort=created_at:asc&owner=" + ProjectID, "1 3 4 5"},
		{"os_hidden=true", "2"},
		{"sort=created_at:asc&visibility=all", "1 3 4 5 8 9"},
		{"visibility=community&sort=created_at:asc", "4 8"},
		{"visibility=shared&member_status=pending&sort=created_at:asc", "1 6"},
		{"visibility=shared&member_status=rejected", "1"},
		{"owner=other&sort=created_at:asc", "9"},
		{"sort=created_at:asc&limit=2", "1 3"},
		{"limit=0", ""},
	}
	for _, tt := range tests {
		if got, _, _ := listedImages(t, c, ours, tt.query); strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.query, got, tt.want)
		}
	}
	var all []string
	for next, more := "sort=created_at:asc&limit=2", true; more; more = next != "" {
		var page []string
		page, next, _ = listedImages(t, c, ours, next)
		all = append(all, page...)
	}
	if want := []string{"1", "3", "4", "5", "9"}; !slices.Equal(all, want) {
		t.Errorf("in pages: %v", all)
	}
	for _, bad := range []string{"limit=x", "limit=-1", "os_hidden=maybe", "visibility=mine", "member_status=gone", "marker=x"} {
		if _, _, status := listedImages(t, c, ours, bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
}
