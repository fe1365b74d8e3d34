//go:build e2e

package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A catalogue is which of some images somebody sees in a list of images that is
// asked for in some way.
type catalogue struct {
	who, query string
	want       string // the images, as testImageLists calls them
}

var catalogues = []catalogue{
	{"owner", "", "community private public shared"},
	{"owner", "owner=OWNER", "community private public shared"},
	{"owner", "os_hidden=true", "hidden"},
	{"reader", "owner=OWNER", "community private public shared"},
	{"stranger", "", "public"},
	{"stranger", "owner=OWNER&visibility=all", "community public"},
	{"stranger", "os_hidden=true", ""},
	{"consumer", "visibility=shared&member_status=pending", ""},
	{"consumer", "visibility=shared&member_status=accepted", "shared"},
	{"consumer", "visibility=shared&member_status=pending&os_hidden=true", "hidden"},
	{"consumer", "visibility=shared&member_status=all", "shared"},
	{"consumer", "", "public shared"},
	{"admin", "owner=OWNER", "private public shared"},
	{"admin", "owner=OWNER&visibility=all", "community private public shared"},
	{"admin", "visibility=all&os_hidden=true", "hidden"},
	{"admin", "visibility=shared&member_status=rejected", "shared"},
}

// testImageLists holds both servers, and the simulation, to who sees which images.
func testImageLists(t *testing.T, s *site) {
	for _, r := range s.realms(t) {
		t.Run(r.name, func(t *testing.T) {
			images := map[string]string{r.addImage(t, traits{}): "shared", r.addImage(t, traits{hidden: true}): "hidden"}
			for id, name := range images {
				r.share(t, id, r.people["consumer"].projectID)
				if name == "shared" {
					r.answer(t, "consumer", id, "accepted")
				}
			}
			for _, visibility := range []string{"private", "community", "public"} {
				id := r.addImage(t, traits{})
				r.setVisibility(t, id, visibility)
				images[id] = visibility
			}
			for _, c := range catalogues {
				query := strings.ReplaceAll(c.query, "OWNER", r.people["owner"].projectID)
				if got := r.listed(t, c.who, query, images); got != c.want {
					t.Errorf("%s, %q: %s; want %s", c.who, c.query, got, c.want)
				}
			}
		})
	}
}

// listed reads an image list in small pages, and returns which of the images are in
// it, as a sorted list of their names.
func (r *realm) listed(t *testing.T, who, query string, images map[string]string) string {
	t.Helper()
	seen := make(map[string]bool)
	for next := "limit=3&sort=created_at:asc&" + query; next != ""; {
		page := r.as(t, who, http.MethodGet, "/v2/images?"+next, nil)
		for _, image := range page.list("images") {
			if name := images[image.text("id")]; name != "" {
				seen[name] = true
			}
		}
		link, err := url.Parse(page.text("next"))
		if err != nil {
			t.Fatal(err)
		}
		next = link.RawQuery
	}
	var names []string
	for _, name := range []string{"community", "hidden", "private", "public", "shared"} {
		if seen[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
