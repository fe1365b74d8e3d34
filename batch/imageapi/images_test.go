package imageapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch"
)

// imagePage is the answer with images of these owners, and a link to the next page.
func imagePage(next string, images ...string) string {
	if next != "" {
		next = fmt.Sprintf(`, "next": %q`, next)
	}
	return plain("200 OK", "application/json", `{"first": "/v2/images", "images": [`+strings.Join(images, ",")+`], "schema": "/v2/schemas/images"`+next+`}`)
}

func imageOf(owner, more string) string {
	return fmt.Sprintf(`{"id": %q, "name": null, "owner": %q, "status": "active", "visibility": "shared", "os_hidden": false, "tags": ["x"]%s}`, image, owner, more)
}

func TestImagePages(t *testing.T) {
	t.Parallel()
	ours := imageOf(owner, "")
	second := batch.Cursor("1 ")
	tests := []struct {
		name, response string
		meaning        batch.Meaning
		images         int
		next           batch.Cursor
		message        string
	}{
		{"an image", imagePage("", ours), batch.Listed, 1, second, ""},
		{"none", imagePage(""), batch.Listed, 0, second, ""},
		{"one of somebody else's", imagePage("", imageOf(member, "")), batch.Listed, 0, second, ""},
		{"one of nobody's", imagePage("", `{"id": "x", "owner": null}`), batch.Listed, 0, second, ""},
		{"a next page", imagePage("/v2/images?limit=2&marker="+image, ours), batch.Listed, 1, "0 " + image, ""},
		{"a next page elsewhere", imagePage("https://elsewhere.example/v1/x?marker=a%2Fb", ours), batch.Listed, 1, "0 a/b", ""},
		{"a short page with a next one", imagePage("/v2/images?marker=x"), batch.Listed, 0, "0 x", ""},
		{"a next page without a marker", imagePage("/v2/images?limit=2", ours), batch.Refused, 0, "", "its next page has no marker"},
		{"a marker without an end", imagePage("/v2/images?marker="+strings.Repeat("x", maxMarker+1), ours), batch.Refused, 0, "", "the marker of its next page has 4097 bytes"},
		{"an entry without an id", imagePage("", `{"owner": "x"}`), batch.Broken, 0, "", "the image list has an entry without an id"},
		{"a very long name", imagePage("", imageOf(owner, `, "name": "`+strings.Repeat("x", maxImageText+1)+`"`)), batch.Broken, 0, "", "the image list has a value of 4097 bytes"},
		{"members", plain("200 OK", "application/json", `{"members": []}`), batch.Broken, 0, "", "the answer is not an image list: it has no images"},
		{"a list", plain("200 OK", "application/json", `[]`), batch.Broken, 0, "", "the answer is not an image list"},
		{"a page", plain("200 OK", "text/html", `<html>`), batch.Broken, 0, "", "the answer is not an image list: invalid character '<' looking for beginning of value"},
		{"one that is cut short", plain("200 OK", "application/json", `{"images": [`+ours+`,`), batch.Broken, 0, "", "the image list is cut short"},
		{"one that ends early", plain("200 OK", "application/json", `{"images": [`+ours+`]`), batch.Broken, 0, "", "the image list is cut short"},
		{"images that are none", plain("200 OK", "application/json", `{"images": {}}`), batch.Broken, 0, "", "the answer is not an image list: its images are not a list"},
		{"a property of the name of Huawei Cloud's", imagePage("", imageOf(owner, `, "__imagetype": "shared"`)), batch.Listed, 1, second, ""},
		{"Huawei Cloud's", imagePage("", `{"id": "x", "owner": "`+owner+`", "__imagetype": "private"}`), batch.Refused, 0, "", "the images are those of Huawei Cloud"},
		{"a marker that is gone", glance("400 Bad Request", "No image found with ID "+image), batch.Refused, 0, "", "No image found with ID " + image},
		{"forbidden", glance("403 Forbidden", "You are not authorized to complete get_images action."), batch.Forbidden, 0, "", "You are not authorized"},
		{"trouble", plain("503 Service Unavailable", "text/plain", ""), batch.Unavailable, 0, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			page, a := newClient(t, "http://glance.example", &keys{}, says(tt.response)).Images(t.Context(), batch.ImageQuery{Owner: strings.ToUpper(owner)}, "")
			if a.Meaning != tt.meaning || len(page.Images) != tt.images || page.Next != tt.next || !strings.HasPrefix(a.Message, tt.message) {
				t.Errorf("got %d images, next %q, meaning %d (%s); want %d, %q, %d (%s)",
					len(page.Images), page.Next, a.Meaning, a.Message, tt.images, tt.next, tt.meaning, tt.message)
			}
		})
	}
}

// TestImageQueries: what is asked for, one list after the other.
func TestImageQueries(t *testing.T) {
	t.Parallel()
	const tail = "&sort=created_at%3Aasc"
	const huawei = "/v2/cloudimages?__imagetype="
	tests := []struct {
		name   string
		huawei bool
		query  batch.ImageQuery
		want   []string
	}{
		{"our own", false, batch.ImageQuery{Owner: owner}, []string{
			"/v2/images?limit=1000&os_hidden=true&owner=" + owner + tail,
			"/v2/images?limit=1000&os_hidden=false&owner=" + owner + tail,
			"/v2/images?limit=1000&os_hidden=true&owner=" + owner + tail,
		}},
		{"another project's", false, batch.ImageQuery{Owner: member}, []string{
			"/v2/images?limit=1000&os_hidden=true&owner=" + member + tail + "&visibility=all",
			"/v2/images?limit=1000&os_hidden=false&owner=" + member + tail + "&visibility=all",
			"/v2/images?limit=1000&os_hidden=true&owner=" + member + tail + "&visibility=all",
		}},
		{"those of all", false, batch.ImageQuery{}, []string{
			"/v2/images?limit=1000&os_hidden=true" + tail + "&visibility=all",
			"/v2/images?limit=1000&os_hidden=false" + tail + "&visibility=all",
			"/v2/images?limit=1000&os_hidden=true" + tail + "&visibility=all",
		}},
		{"received", false, batch.ImageQuery{Received: true}, []string{
			"/v2/images?limit=1000&member_status=pending&os_hidden=true" + tail + "&visibility=shared",
			"/v2/images?limit=1000&member_status=pending&os_hidden=false" + tail + "&visibility=shared",
			"/v2/images?limit=1000&member_status=accepted&os_hidden=true" + tail + "&visibility=shared",
			"/v2/images?limit=1000&member_status=accepted&os_hidden=false" + tail + "&visibility=shared",
			"/v2/images?limit=1000&member_status=rejected&os_hidden=true" + tail + "&visibility=shared",
			"/v2/images?limit=1000&member_status=rejected&os_hidden=false" + tail + "&visibility=shared",
		}},
		{"on Huawei Cloud", true, batch.ImageQuery{Owner: owner}, []string{
			huawei + "shared&owner=" + owner + "&sort_dir=asc&sort_key=created_at",
			huawei + "shared&marker=" + image + "&owner=" + owner + "&sort_dir=asc&sort_key=created_at",
			huawei + "private&owner=" + owner + "&sort_dir=asc&sort_key=created_at",
			huawei + "private&marker=" + image + "&owner=" + owner + "&sort_dir=asc&sort_key=created_at",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			c := newClient(t, "http://glance.example", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
				got = append(got, req.URL.RequestURI())
				if tt.huawei && !req.URL.Query().Has("marker") {
					return says(imagePage("", imageOf(owner, "")))(req)
				}
				return says(imagePage(""))(req)
			}))
			c.config.Huawei = tt.huawei
			for next := batch.Cursor(""); ; {
				page, a := c.Images(t.Context(), tt.query, next)
				if a.Meaning != batch.Listed {
					t.Fatal(a.Message)
				}
				if next = page.Next; next == "" {
					break
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("asked for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestMembersWithAllThatIsSaid: statuses and times, and what is neither.
func TestMembersWithAllThatIsSaid(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 15, 9, 46, 0, time.UTC)
	tests := []struct {
		fields            string
		status            string
		shared, lastMoved time.Time
	}{
		{`"status": "accepted", "created_at": "2026-11-23T15:09:46Z", "updated_at": "2026-11-23T17:09:46+02:00"`, "accepted", at, at},
		{`"status": "rejected", "created_at": "2026-11-23T15:09:46", "updated_at": null`, "rejected", at, time.Time{}},
		{`"status": "sus\npended", "created_at": "yesterday"`, "sus pended", time.Time{}, time.Time{}},
		{`"status": null, "created_at": 5`, "", time.Time{}, time.Time{}},
		{`"status": ["pending"], "created_at": {}`, "", time.Time{}, time.Time{}},
	}
	for _, tt := range tests {
		list := plain("200 OK", "application/json", fmt.Sprintf(`{"members": [{"member_id": "m", "image_id": %q, %s}]}`, image, tt.fields))
		page, a := newClient(t, "http://glance.example", &keys{}, says(list)).Members(t.Context(), image, "")
		want := batch.Member{ID: "m", Status: tt.status, SharedAt: tt.shared, ChangedAt: tt.lastMoved}
		if a.Meaning != batch.Listed || len(page.Members) != 1 || page.Members[0] != want {
			t.Errorf("%s: got %+v (%s), want %+v", tt.fields, page.Members, a.Message, want)
		}
	}
}
