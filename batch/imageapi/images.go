package imageapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"imsrevoke/batch"
)

const (
	// imagesAtATime is how many images are asked for at once: the most that
	// Glance gives by default. A smaller limit of the server is no error.
	imagesAtATime = 1000
	// maxImagePage is the longest page of an image list that is read, in bytes,
	// maxImageText the longest id, name, owner or status on it. An image can
	// have a hundred properties of its own.
	maxImagePage = 256 << 20
	maxImageText = 4 << 10
)

// An imagePass is one of the lists that together hold all images, as a path and a
// query.
type imagePass struct {
	path  string
	query url.Values
	// received is the status of the shares that it lists with the project.
	received string
	// whole says that this list and those before it hold all images but those that
	// changed meanwhile.
	whole bool
}

// passes are the lists that are read one after the other.
//
// Glance leaves hidden images out unless they are asked for, and then shows no
// others (os_hidden in glance/api/v2/images.py). The hidden ones are read before
// and after the others, so that an image which is hidden or shown meanwhile is in
// one of the lists. For the project's own images nothing else is left out; those
// of others that are "community" are, unless visibility is "all".
//
// Huawei Cloud lists the images that are shared, by the owner and with the owner,
// and the private ones, which may have members as well: nothing says that an image
// which is shared with accounts or organizations only is among the former
// (ListImages, https://support.huaweicloud.com/intl/en-us/api-ims/ims_03_0602.html).
// The images that are shared with a project are asked for by the status of the
// share: all statuses at once would not tell which is which. The project's own
// images are in these lists, too.
//
// Huawei Cloud's lists have no link to the next page: a page is asked for by the last id of
// the one before, until one is empty.
func (c *Client) passes(q batch.ImageQuery) []imagePass {
	set := func(pairs ...string) url.Values {
		query := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			query.Set(pairs[i], pairs[i+1])
		}
		if q.Owner != "" {
			query.Set("owner", q.Owner)
		}
		return query
	}
	if q.Received {
		var passes []imagePass
		for _, status := range memberStatuses {
			query := func(more ...string) url.Values {
				return set(append(more, "visibility", "shared", "member_status", string(status))...)
			}
			if c.config.Huawei {
				passes = append(passes, imagePass{path: huaweiListPath, query: query("__imagetype", "shared", "sort_key", "created_at", "sort_dir", "asc"), received: string(status)})
				continue
			}
			for _, hidden := range []string{"true", "false"} {
				passes = append(passes, imagePass{path: imageListPath, query: query("limit", strconv.Itoa(imagesAtATime), "sort", "created_at:asc", "os_hidden", hidden), received: string(status)})
			}
		}
		return passes
	}
	if c.config.Huawei {
		shared := set("__imagetype", "shared", "sort_key", "created_at", "sort_dir", "asc")
		private := set("__imagetype", "private", "sort_key", "created_at", "sort_dir", "asc")
		return []imagePass{{path: huaweiListPath, query: shared}, {path: huaweiListPath, query: private}}
	}
	list := func(hidden bool) imagePass {
		query := set("limit", strconv.Itoa(imagesAtATime), "sort", "created_at:asc", "os_hidden", strconv.FormatBool(hidden))
		if q.Owner == "" || !sameID(q.Owner, c.config.ProjectID) {
			query.Set("visibility", "all")
		}
		return imagePass{path: imageListPath, query: query}
	}
	passes := []imagePass{list(true), list(false), list(true)}
	passes[1].whole = true
	return passes
}

// An imageCursor says which list is read, and behind which image. It is written
// as the number of the list, with the marker behind it.
type imageCursor struct {
	pass   int
	marker string
}

func (at imageCursor) cursor() batch.Cursor {
	return batch.Cursor(strconv.Itoa(at.pass) + " " + at.marker)
}

func parseImageCursor(from batch.Cursor) (at imageCursor, err error) {
	if from == "" {
		return at, nil
	}
	pass, marker, _ := strings.Cut(string(from), " ")
	at.marker = marker
	at.pass, err = strconv.Atoi(pass)
	return at, err
}

// Images reads a page of the list of images.
func (c *Client) Images(ctx context.Context, q batch.ImageQuery, from batch.Cursor) (batch.ImagePage, batch.Answer) {
	passes := c.passes(q)
	at, err := parseImageCursor(from)
	if err != nil || at.pass >= len(passes) {
		return batch.ImagePage{}, notSent(fmt.Errorf("%q is no place in an image list", from))
	}
	pass := passes[at.pass]
	if at.marker != "" {
		pass.query.Set("marker", at.marker)
	}
	req, err := c.request(http.MethodGet, pass.path, pass.query.Encode(), nil)
	if err != nil {
		return batch.ImagePage{}, notSent(err)
	}
	var page batch.ImagePage
	answer := c.read(ctx, req, imageList, batch.Pair{}, func(e *exchange) (err error) {
		page, err = c.readImages(e.resp.Body, q, at, passes)
		return err
	})
	return page, answer
}

// A finalError says why the list cannot be read, however often it is asked for.
type finalError string

func (e finalError) Error() string { return string(e) }

// An imageDocument is what is read of an image.
type imageDocument struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Owner      string `json:"owner"`
	Status     string `json:"status"`
	Visibility string `json:"visibility"`
	// Hidden is missing on Huawei Cloud, whose images have a type.
	Hidden    *bool   `json:"os_hidden"`
	ImageType *string `json:"__imagetype"`
}

// readImages reads the body of an answer to the request for a page of images. Of
// those of other owners than the one that was asked for nothing is kept: not
// every service heeds what it is asked.
func (c *Client) readImages(body io.Reader, q batch.ImageQuery, at imageCursor, passes []imagePass) (batch.ImagePage, error) {
	var page batch.ImagePage
	limited := &io.LimitedReader{R: body, N: maxImagePage}
	last, count := "", 0
	next, err := eachImage(json.NewDecoder(limited), func(d *imageDocument) error {
		switch {
		case d.ID == "":
			return errors.New("the image list has an entry without an id")
		case max(len(d.ID), len(d.Name), len(d.Owner), len(d.Status)) > maxImageText:
			return fmt.Errorf("the image list has a value of %d bytes", max(len(d.ID), len(d.Name), len(d.Owner), len(d.Status)))
		case d.ImageType != nil && d.Hidden == nil && !c.config.Huawei:
			return finalError("the images are those of Huawei Cloud, which has another request for its image list; log in with an access key, or set --endpoint to https://ims.REGION.…")
		}
		if n := len(page.Images); n > 0 { // most are the same on all of the page
			d.Owner, d.Status = same(d.Owner, page.Images[n-1].Owner), same(d.Status, page.Images[n-1].Status)
		}
		last = d.ID
		count++
		if q.Owner != "" && !sameID(d.Owner, q.Owner) || q.Received && sameID(d.Owner, c.config.ProjectID) {
			return nil
		}
		page.Images = append(page.Images, batch.Image{
			ID: d.ID, Name: d.Name, Owner: d.Owner, Status: d.Status, Hidden: d.Hidden != nil && *d.Hidden,
			Unshared: !c.config.Huawei && d.Visibility != "shared",
			Private:  !c.config.Huawei && d.Visibility == "private",
			Received: passes[at.pass].received,
		})
		return nil
	})
	if err != nil {
		switch {
		case limited.N <= 0:
			err = fmt.Errorf("the page is longer than %d bytes", maxImagePage)
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			err = errors.New("the image list is cut short")
		case errors.Is(err, context.DeadlineExceeded):
			err = errors.New("the image list did not arrive within the time of one attempt")
		}
		return batch.ImagePage{}, err
	}
	marker := ""
	switch {
	case next != "":
		if marker = markerOf(next); marker == "" {
			return batch.ImagePage{}, finalError("its next page has no marker")
		}
		if len(marker) > maxMarker {
			return batch.ImagePage{}, finalError(fmt.Sprintf("the marker of its next page has %d bytes", len(marker)))
		}
	case c.config.Huawei && count > 0:
		marker = last
	}
	switch {
	case marker != "":
		page.Next = imageCursor{at.pass, marker}.cursor()
	case at.pass+1 < len(passes):
		page.Next = imageCursor{at.pass + 1, ""}.cursor()
		page.Whole = passes[at.pass].whole
	}
	return page, nil
}

// same is b if a is the same text, so that one copy of it is kept.
func same(a, b string) string {
	if a == b {
		return b
	}
	return a
}

// markerOf is the marker of a link to the next page, of which nothing else is
// used: where to go it must not say.
func markerOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Query().Get("marker")
}

// eachImage calls do with each entry of a page, one at a time, and returns the
// link to the next one.
func eachImage(d *json.Decoder, do func(*imageDocument) error) (next string, err error) {
	notAList := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return fmt.Errorf("the answer is not an image list: %w", err)
	}
	if t, err := d.Token(); err != nil {
		return "", notAList(err)
	} else if t != json.Delim('{') {
		return "", errors.New("the answer is not an image list")
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", notAList(err)
		}
		switch key {
		case "images":
			found = true
			if t, err := d.Token(); err != nil {
				return "", notAList(err)
			} else if t != json.Delim('[') {
				return "", errors.New("the answer is not an image list: its images are not a list")
			}
			for d.More() {
				var image imageDocument
				if err := d.Decode(&image); err != nil {
					return "", notAList(err)
				}
				if err := do(&image); err != nil {
					return "", err
				}
			}
			if _, err := d.Token(); err != nil {
				return "", notAList(err)
			}
		case "next":
			var link *string
			if err := d.Decode(&link); err != nil {
				return "", notAList(err)
			}
			if link != nil {
				next = *link
			}
		default:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return "", notAList(err)
			}
		}
	}
	if _, err := d.Token(); err != nil {
		return "", notAList(err)
	}
	if !found {
		return "", errors.New("the answer is not an image list: it has no images")
	}
	return next, nil
}
