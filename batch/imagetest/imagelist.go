package imagetest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ImageList says what is special about a cloud's lists of images. The zero
// ImageList is plain Glance, in pages of as many as the request's "limit" says, 25
// when it says nothing, and 1000 at most. It holds for Huawei Cloud's list as
// well, whose pages have 500 images when nothing is said, and no links.
//
// Its functions are called from several goroutines at once. They may use the
// cloud's methods, but for Thin, which is called while the cloud is locked.
type ImageList struct {
	// MaxLimit is the largest page; 0 stands for 1000.
	MaxLimit int
	// Thin chooses images that a policy hides from the page that they are on. The
	// page is not filled up.
	Thin func(imageID string) bool
	// Before is called before a page is served, with the number of the request for
	// a page, from 1, so that the list can change between two pages.
	Before func(request int)
	// Loop makes each page of the list lead to itself.
	Loop bool
	// Endless makes each page of the list lead to another one, with the same
	// images.
	Endless bool
	// IgnoreOwner serves images of all owners, whatever is asked.
	IgnoreOwner bool
}

// imageQuery is a request for a page of images.
type imageQuery struct {
	url.Values
	huawei  bool
	invalid bool
}

// imageDocument is an image in JSON.
type imageDocument struct {
	ID         string     `json:"id"`
	Name       any        `json:"name"`
	Status     string     `json:"status"`
	Visibility Visibility `json:"visibility"`
	Protected  bool       `json:"protected"`
	Hidden     *bool      `json:"os_hidden,omitempty"`
	Owner      string     `json:"owner"`
	CreatedAt  string     `json:"created_at"`
	UpdatedAt  string     `json:"updated_at"`
	Schema     string     `json:"schema"`
	ImageType  string     `json:"__imagetype,omitempty"`
}

func (i *image) imageDocument() imageDocument {
	d := imageDocument{
		ID: i.ID, Status: i.Status, Visibility: i.Visibility, Protected: i.Protected, Hidden: &i.Hidden, Owner: i.Owner,
		CreatedAt: timestamp(i.created), UpdatedAt: timestamp(i.created), Schema: "/v2/schemas/image",
	}
	if i.Name != "" {
		d.Name = i.Name
	}
	return d
}

// huaweiDocument is the image as Huawei Cloud shows it, where what is shared is
// private.
func (i *image) huaweiDocument() imageDocument {
	d := i.imageDocument()
	d.Hidden, d.ImageType = nil, "private"
	if i.Visibility == Shared {
		d.Visibility = Private
	}
	if i.sharedOut() {
		d.ImageType = "shared"
	}
	return d
}

// sharedOut reports whether the image has a member.
func (i *image) sharedOut() bool { return len(i.live()) > 0 }

// openImages reads a request for a page of images.
func (c *Cloud) openImages(target string, to *route) {
	_, query, _ := strings.Cut(target, "?")
	var err error
	to.list.Values, err = url.ParseQuery(query)
	to.list.invalid = err != nil
	c.mu.Lock()
	c.imagePages++
	n := c.imagePages
	c.mu.Unlock()
	if c.ImageList.Before != nil {
		c.ImageList.Before(n)
	}
}

// listImages answers with a page of the images that the token may see
// (glance/api/v2/images.py, glance/db/sqlalchemy/api.py).
func (c *Cloud) listImages(t *token, to route) answer {
	q := to.list
	badRequest := func(text string, args ...any) answer { return refusal(http.StatusBadRequest, text, args...) }
	limit, most := 25, cmp.Or(c.ImageList.MaxLimit, maxPageSize)
	if q.huawei {
		limit = min(500, most)
	}
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		switch {
		case err != nil:
			return badRequest("limit param must be an integer")
		case n < 0:
			return badRequest("limit param must be positive")
		}
		limit = n
	}
	limit = min(limit, most)
	hidden := strings.ToLower(cmp.Or(q.Get("os_hidden"), "false"))
	status := cmp.Or(q.Get("member_status"), "accepted")
	switch visibility := q.Get("visibility"); {
	case q.invalid:
		return badRequest("The query string is malformed.")
	case hidden != "true" && hidden != "false":
		return badRequest("Invalid value '%s' for 'os_hidden' filter. Valid values are 'true' or 'false'.", hidden)
	case !slices.Contains([]string{"", "all", "community", "public", "private", "shared"}, visibility):
		return badRequest("Invalid visibility value: %s", visibility)
	case !slices.Contains([]string{"all", "pending", "accepted", "rejected"}, status):
		return badRequest("Invalid status: %s", status)
	}

	var images []*image
	for _, img := range c.images {
		if img.listedFor(t, q, status, hidden == "true") {
			images = append(images, img)
		}
	}
	ascending := q.Get("sort") == "created_at:asc" || q.Get("sort_key") == "created_at" && q.Get("sort_dir") == "asc"
	order := func(a, b *image) int {
		n := cmp.Or(a.created.Truncate(1e9).Compare(b.created.Truncate(1e9)), cmp.Compare(a.ID, b.ID))
		if !ascending {
			n = -n
		}
		return n
	}
	slices.SortFunc(images, order)
	if marker := q.Get("marker"); marker != "" {
		marker, _, _ = strings.Cut(marker, "/") // see endless
		behind := c.visible(t, marker)
		if behind == nil {
			return badRequest("No image found with ID %s", marker)
		}
		if !c.ImageList.Loop && !c.ImageList.Endless {
			images = slices.DeleteFunc(images, func(img *image) bool { return order(img, behind) <= 0 })
		}
	}
	more := len(images) >= limit
	images = images[:min(limit, len(images))]
	return c.imagePage(q, images, limit, more)
}

// listedFor reports whether the image is in the list that is asked for.
func (i *image) listedFor(t *token, q imageQuery, status string, hidden bool) bool {
	member := i.member(t.projectID, MemberProject)
	sees := t.has(RoleAdmin) || i.Owner == t.projectID || i.Visibility == Public || i.Visibility == Community ||
		i.Visibility == Shared && member != nil && (status == "all" || member.status == status)
	if owner := q.Get("owner"); !sees || owner != "" && owner != i.Owner && !i.cloud.ImageList.IgnoreOwner {
		return false
	}
	if q.huawei {
		kind := q.Get("__imagetype")
		return kind == "" || kind == i.huaweiDocument().ImageType
	}
	switch visibility := q.Get("visibility"); visibility {
	case "":
		if i.Visibility == Community && i.Owner != t.projectID {
			return false
		}
	case "all":
	default:
		if string(i.Visibility) != visibility {
			return false
		}
	}
	return i.Hidden == hidden
}

// imagePage is the answer with these images.
func (c *Cloud) imagePage(q imageQuery, images []*image, limit int, more bool) answer {
	page := struct {
		Images []imageDocument `json:"images"`
		First  string          `json:"first,omitempty"`
		Next   string          `json:"next,omitempty"`
		Schema string          `json:"schema"`
	}{Images: []imageDocument{}, Schema: "/v2/schemas/images"}
	for _, img := range images {
		switch {
		case c.ImageList.Thin != nil && c.ImageList.Thin(img.ID):
		case c.Huawei:
			page.Images = append(page.Images, img.huaweiDocument())
		default:
			page.Images = append(page.Images, img.imageDocument())
		}
	}
	if q.huawei {
		return document(http.StatusOK, page)
	}
	q.Del("marker")
	page.First = "/v2/images?" + q.Encode()
	if len(page.Images) > 0 && (more && limit > 0 || c.ImageList.Loop || c.ImageList.Endless) {
		marker := page.Images[len(page.Images)-1].ID
		if c.ImageList.Endless {
			marker += "/" + strconv.Itoa(c.imagePages)
		}
		q.Set("marker", marker)
		page.Next = "http://elsewhere.invalid/v2/other?" + q.Encode()
	}
	return document(http.StatusOK, page)
}
