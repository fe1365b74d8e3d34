package imagetest_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch/imagetest"
)

// pagedCloud shares imageA with the members "a" to "e", two on a page.
func pagedCloud(p imagetest.Pages) *imagetest.Cloud {
	c := imagetest.NewCloud()
	p.Size = 2
	c.Pages = p
	for _, id := range strings.Fields("a b c d e") {
		c.Share(imageA, id)
	}
	return c
}

func getMembers(t *testing.T, c *imagetest.Cloud, query string) exchange {
	t.Helper()
	return call(t, c, "GET", "/v2/images/"+imageA+"/members"+query, c.IssueToken(imagetest.ProjectID, 0), "")
}

// A listing is what a client has been shown: the ids of each page, and the
// status where that is not 200.
type listing []string

// walk reads pages as a client does that knows how markers are to be sent, and
// trusts them blindly: it stops after six pages.
func walk(t *testing.T, c *imagetest.Cloud) (listing, error) {
	t.Helper()
	var pages listing
	query := ""
	for range 6 {
		e, err := send(t, c.Transport(), "GET", "http://cloud.test/v2/images/"+imageA+"/members"+query, c.IssueToken(imagetest.ProjectID, 0), "")
		if err != nil {
			return pages, err
		}
		if e.status != 200 {
			return append(pages, fmt.Sprint(e.status)), nil
		}
		var page struct {
			Members []entry
			Info    *struct {
				Next  string `json:"next_marker"`
				Count int    `json:"current_count"`
			} `json:"page_info"`
			Next string
		}
		if err := json.Unmarshal([]byte(e.body), &page); err != nil {
			return pages, err
		}
		var ids []string
		for _, m := range page.Members {
			if m.ImageID != imageA {
				m.ID = "foreign"
			}
			ids = append(ids, m.ID)
		}
		pages = append(pages, strings.Join(ids, " "))

		marker := ""
		switch {
		case page.Next != "":
			link, err := url.Parse(page.Next)
			if err != nil {
				t.Fatal(err)
			}
			if link.Host != "elsewhere.invalid" || link.Path != "/v2/images/"+imagetest.OtherImageID+"/members" || link.Query().Get("limit") != "2" {
				t.Errorf("link %s", link)
			}
			marker = link.Query().Get("marker")
		case page.Info != nil:
			if page.Info.Count != len(ids) {
				t.Errorf("current_count %d on a page of %d", page.Info.Count, len(ids))
			}
			marker = page.Info.Next
		}
		if marker == "" {
			return pages, nil
		}
		if m := c.Pages.Marker; m == imagetest.MarkerBase64 || m == imagetest.MarkerBase64Silent {
			marker = base64.StdEncoding.EncodeToString([]byte(marker))
		}
		query = "?marker=" + url.QueryEscape(marker)
	}
	return pages, nil
}

func markers() map[string]imagetest.Marker {
	return map[string]imagetest.Marker{
		"member": imagetest.MarkerMember, "base64": imagetest.MarkerBase64, "base64, silent": imagetest.MarkerBase64Silent,
		"opaque": imagetest.MarkerOpaque, "position": imagetest.MarkerPosition, "row": imagetest.MarkerRow, "link": imagetest.MarkerLink,
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	all := listing{"a b", "c d", "e"}
	tests := []struct {
		name   string
		change func(*imagetest.Cloud) // before page 2
		want   listing
		// Where another marker leads elsewhere.
		position, row listing
	}{
		{name: "nothing changes", want: all},
		{name: "the last page is full", want: listing{"a b", "c d"}, change: func(c *imagetest.Cloud) { c.Revoke(imageA, "e") }},
		{name: "a removal on page 1", want: all, position: listing{"a b", "d e"},
			change: func(c *imagetest.Cloud) { c.Revoke(imageA, "a") }},
		{name: "the removal of the marker's member", want: all, position: listing{"a b", "d e"}, row: listing{"a b", ""},
			change: func(c *imagetest.Cloud) { c.Revoke(imageA, "b") }},
		{name: "the removal of all that have been shown", want: all, position: listing{"a b", "e"}, row: listing{"a b", ""},
			change: func(c *imagetest.Cloud) { c.Revoke(imageA, "a"); c.Revoke(imageA, "b") }},
		{name: "a new member ahead", want: listing{"a b", "c cc", "d e"}, change: func(c *imagetest.Cloud) { c.Share(imageA, "cc") }},
		{name: "a new member on page 1", want: all, position: listing{"a b", "b c", "d e"},
			change: func(c *imagetest.Cloud) { c.Share(imageA, "aa") }},
		{name: "an account with the marker's id", want: listing{"a b", "c d", "e"}, position: listing{"a b", "b c", "d e"},
			change: func(c *imagetest.Cloud) { c.ShareAs(imageA, "b", imagetest.MemberDomain) }},
		{name: "no image any more", want: listing{"a b", "404"}, change: func(c *imagetest.Cloud) {
			call(t, c, "DELETE", "/v2/images/"+imageA, c.IssueToken(imagetest.ProjectID, 0), "")
		}},
	}
	for _, tt := range tests {
		for name, marker := range markers() {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				t.Parallel()
				var c *imagetest.Cloud
				c = pagedCloud(imagetest.Pages{Marker: marker, BeforePage: func(r imagetest.PageRequest) {
					if r.Page == 2 && tt.change != nil {
						tt.change(c)
					}
				}})
				want := tt.want
				if marker == imagetest.MarkerPosition && tt.position != nil {
					want = tt.position
				}
				if marker == imagetest.MarkerRow && tt.row != nil {
					want = tt.row
				}
				got, err := walk(t, c)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// The order of ids alone would lose one of two members that have one id.
func TestOneIDOnTwoPages(t *testing.T) {
	t.Parallel()
	for name, marker := range markers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pagedCloud(imagetest.Pages{Marker: marker})
			c.ShareAs(imageA, "a", imagetest.MemberDomain)
			c.ShareAs(imageA, "b", imagetest.MemberDomain)
			c.ShareAs(imageA, "b", imagetest.MemberOrganization)
			got, err := walk(t, c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(listing{"a a", "b b", "b c", "d e"}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A client that does not send a marker as it should must not get away with it.
func TestMarkersThatAreSentWrongly(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	hex := strings.Repeat("0123456789abcdef", 2) // valid as base64
	tests := []struct {
		name   string
		marker imagetest.Marker
		query  string
		status int
		want   string // the first id
	}{
		{"member: the id", imagetest.MarkerMember, "b", 200, "c"},
		{"member: an id that nobody has", imagetest.MarkerMember, "bb", 200, "c"},
		{"member: the end", imagetest.MarkerMember, "e", 200, ""},
		{"member: a malformed query", imagetest.MarkerMember, "%zz", 400, ""},
		{"base64: encoded", imagetest.MarkerBase64, url.QueryEscape(b64([]byte("b"))), 200, "c"},
		{"base64: plain", imagetest.MarkerBase64, "b", 400, ""},
		{"base64: plain, and base64 of something else", imagetest.MarkerBase64, hex, 400, ""},
		{"base64: of an id that nobody has", imagetest.MarkerBase64, b64([]byte("bbb")), 400, ""},
		{"silent: encoded", imagetest.MarkerBase64Silent, url.QueryEscape(b64([]byte("b"))), 200, "c"},
		{"silent: plain", imagetest.MarkerBase64Silent, "b", 200, "a"},
		{"silent: plain, and base64 of something else", imagetest.MarkerBase64Silent, hex, 200, "a"},
		{"silent: of an id that nobody has", imagetest.MarkerBase64Silent, b64([]byte("bbb")), 200, "a"},
		{"opaque: base64 of something else", imagetest.MarkerOpaque, b64([]byte("bbb")), 400, ""},
		{"opaque: no base64", imagetest.MarkerOpaque, "b", 400, ""},
		{"position: a number", imagetest.MarkerPosition, "1", 200, "b"},
		{"position: far beyond the end", imagetest.MarkerPosition, "99", 200, ""},
		{"position: less than nothing", imagetest.MarkerPosition, "-1", 400, ""},
		{"position: an id", imagetest.MarkerPosition, "b", 400, ""},
		{"row: an id", imagetest.MarkerRow, "b", 200, "c"},
		{"row: an id that nobody has", imagetest.MarkerRow, "bb", 200, ""},
		{"link: the id", imagetest.MarkerLink, "b", 200, "c"},
		{"an empty marker is none", imagetest.MarkerBase64, "", 200, "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := pagedCloud(imagetest.Pages{Marker: tt.marker})
			c.Share(imageA, hex)
			c.Revoke(imageA, hex)

			e := getMembers(t, c, "?marker="+tt.query)

			if e.status != tt.status {
				t.Fatalf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			var list struct{ Members []entry }
			if err := json.Unmarshal([]byte(e.body), &list); err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(list.Members) > 0 {
				got = list.Members[0].ID
			}
			if got != tt.want {
				t.Errorf("begins with %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOpaqueMarkerNeedsPercentEncoding(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"b", "bb", "bbb"} { // all lengths modulo three
		c := pagedCloud(imagetest.Pages{Marker: imagetest.MarkerOpaque})
		c.Revoke(imageA, "b")
		c.Share(imageA, last)
		var page struct {
			Info struct {
				Next string `json:"next_marker"`
			} `json:"page_info"`
		}
		if err := json.Unmarshal([]byte(getMembers(t, c, "").body), &page); err != nil {
			t.Fatal(err)
		}
		marker := page.Info.Next
		for _, char := range "+/=" {
			if !strings.ContainsRune(marker, char) {
				t.Errorf("marker %q has no %q", marker, char)
			}
		}
		if e := getMembers(t, c, "?marker="+marker); e.status != 400 {
			t.Errorf("marker as it came: %d %s, want 400", e.status, e.body)
		}
		if e := getMembers(t, c, "?marker="+url.QueryEscape(marker)); e.status != 200 || !strings.Contains(e.body, `"member_id":"c"`) {
			t.Errorf("marker percent-encoded: %d %s", e.status, e.body)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	const tooMuch = "limit must be an integer from 1 to 1000"
	tests := []struct {
		query string
		paged bool
		count int
		text  string
	}{
		{"", true, 2, ""},
		{"?limit=1", true, 1, ""},
		{"?limit=3&x=y", true, 3, ""},
		{"?limit=1000", true, 5, ""},
		{"?limit=0", true, 0, tooMuch},
		{"?limit=1001", true, 0, tooMuch},
		{"?limit=-1", true, 0, tooMuch},
		{"?limit=", true, 0, tooMuch},
		{"?limit=two", true, 0, tooMuch},
		{"?limit=1", false, 5, ""},
		{"?limit=1001", false, 5, ""},
		{"?marker=b", false, 5, ""},
		{"?marker=%zz", false, 5, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s paged %t", tt.query, tt.paged), func(t *testing.T) {
			t.Parallel()
			c := pagedCloud(imagetest.Pages{})
			if !tt.paged {
				c.Pages = imagetest.Pages{}
			}
			e := getMembers(t, c, tt.query)
			if tt.text != "" {
				if e.status != 400 || e.message(t) != tt.text {
					t.Errorf("%d %s, want %q", e.status, e.body, tt.text)
				}
				return
			}
			if got := strings.Count(e.body, `"member_id"`); e.status != 200 || got != tt.count {
				t.Errorf("%d with %d members, want %d", e.status, got, tt.count)
			}
			if got := strings.Contains(e.body, "page_info"); got != tt.paged {
				t.Errorf("page_info: %t, want %t", got, tt.paged)
			}
		})
	}
}

func TestLastPage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		last       imagetest.LastPage
		info, link string // how the body ends
	}{
		{"an empty string", imagetest.LastPageEmpty, `,"page_info":{"next_marker":"","current_count":0}}`, `,"next":""}`},
		{"null", imagetest.LastPageNull, `,"page_info":{"next_marker":null,"current_count":0}}`, `,"next":null}`},
		{"no marker", imagetest.LastPageNoMarker, `,"page_info":{"current_count":0}}`, "}"},
		{"no page_info", imagetest.LastPageNoInfo, "}", "}"},
	}
	for _, tt := range tests {
		for _, marker := range markers() {
			t.Run(fmt.Sprintf("%s, %d", tt.name, marker), func(t *testing.T) {
				t.Parallel()
				c := imagetest.NewCloud()
				c.AddImage(imagetest.Image{ID: imageA})
				c.Pages = imagetest.Pages{Size: 2, Marker: marker, LastPage: tt.last}
				end := tt.info
				if marker == imagetest.MarkerLink {
					end = tt.link
				}
				if got, want := getMembers(t, c, "").body, `{"members":[],"schema":"/v2/schemas/members"`+end; got != want {
					t.Errorf("body\n %s, want\n %s", got, want)
				}
				c = pagedCloud(c.Pages)
				if got, err := walk(t, c); err != nil || len(got) != 3 {
					t.Errorf("pages %q, error %v", got, err)
				}
			})
		}
	}
}

func TestPageFaults(t *testing.T) {
	t.Parallel()
	onPage2 := func(kind imagetest.PageFaultKind) func(imagetest.PageRequest) imagetest.PageFault {
		return imagetest.OnPage(2, imagetest.PageFault{Kind: kind})
	}
	from := func(page int, kind imagetest.PageFaultKind) func(imagetest.PageRequest) imagetest.PageFault {
		return func(r imagetest.PageRequest) imagetest.PageFault {
			if r.Page < page {
				return imagetest.PageFault{}
			}
			return imagetest.PageFault{Kind: kind}
		}
	}
	tests := []struct {
		name  string
		fault func(imagetest.PageRequest) imagetest.PageFault
		want  listing
		err   error
	}{
		{name: "none", fault: onPage2(imagetest.GoodPage), want: listing{"a b", "c d", "e"}},
		{name: "a page is repeated", fault: onPage2(imagetest.RepeatedPage), want: listing{"a b", "a b", "a b", "a b", "a b", "a b"}},
		{name: "the last page is repeated", fault: from(3, imagetest.RepeatedPage), want: listing{"a b", "c d", "c d", "c d", "c d", "c d"}},
		{name: "the first page has none before it", fault: imagetest.OnPage(1, imagetest.PageFault{Kind: imagetest.RepeatedPage}),
			want: listing{"a b", "c d", "e"}},
		{name: "a page is repeated once", want: listing{"a b", "a b", "c d", "e"}, fault: func(r imagetest.PageRequest) imagetest.PageFault {
			if r.Page == 2 && r.Attempt == 1 {
				return imagetest.PageFault{Kind: imagetest.RepeatedPage}
			}
			return imagetest.PageFault{}
		}},
		{name: "a loop", fault: onPage2(imagetest.LoopingPage), want: listing{"a b", "c d", "a b", "c d", "a b", "c d"}},
		{name: "a loop from the last page", fault: imagetest.OnPage(3, imagetest.PageFault{Kind: imagetest.LoopingPage}),
			want: listing{"a b", "c d", "e", "a b", "c d", "e"}},
		{name: "an endless list of what has been shown", fault: from(2, imagetest.StalePage), want: listing{"a b", "a b", "a b", "a b", "a b", "a b"}},
		{name: "an endless list of nothing", fault: from(2, imagetest.EmptyPage), want: listing{"a b", "", "", "", "", ""}},
		{name: "an endless list of nothing at all", fault: from(1, imagetest.EmptyPage), want: listing{"", "", "", "", "", ""}},
		{name: "a stale page in the middle", fault: onPage2(imagetest.StalePage), want: listing{"a b", "a b", "c d", "e"}},
		{name: "an empty page in the middle", fault: onPage2(imagetest.EmptyPage), want: listing{"a b", "", "c d", "e"}},
		{name: "members of another image", fault: onPage2(imagetest.ForeignPage), want: listing{"a b", "foreign foreign", "e"}},
		{name: "a status", fault: imagetest.OnPage(2, imagetest.PageFault{Fault: imagetest.Status(503)}), want: listing{"a b", "503"}},
		{name: "a connection cut before the page", fault: imagetest.OnPage(2, imagetest.PageFault{Fault: imagetest.CutBefore()}),
			want: listing{"a b"}, err: errors.New("read tcp: read: connection reset by peer")},
		{name: "a page without its end", fault: onPage2(imagetest.TruncatedPage),
			want: listing{"a b"}, err: errors.New("unexpected end of JSON input")},
	}
	for _, tt := range tests {
		for name, marker := range markers() {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				t.Parallel()
				c := pagedCloud(imagetest.Pages{Marker: marker, Fault: tt.fault})
				got, err := walk(t, c)
				if fmt.Sprint(err) != fmt.Sprint(tt.err) {
					t.Fatalf("error %v, want %v", err, tt.err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestCutPage(t *testing.T) {
	t.Parallel()
	for way, over := range paths() {
		c := pagedCloud(imagetest.Pages{Fault: imagetest.OnPage(1, imagetest.PageFault{Kind: imagetest.CutPage})})
		base, transport, done := over(c)
		req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/v2/images/"+imageA+"/members", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", c.IssueToken(imagetest.ProjectID, 0))
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		done()
		if !errors.Is(err, io.ErrUnexpectedEOF) || resp.ContentLength != 2*int64(len(body)) && resp.ContentLength != 2*int64(len(body))-1 {
			t.Errorf("%s: %d of %d bytes, error %v", way, len(body), resp.ContentLength, err)
		}
	}
}

// What the hooks are told, and in which order.
func TestPageRequests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []imagetest.PageRequest
	var c *imagetest.Cloud
	c = pagedCloud(imagetest.Pages{
		BeforePage: func(r imagetest.PageRequest) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, r)
			c.Members(r.ImageID) // the cloud is not locked
		},
		Fault: func(r imagetest.PageRequest) imagetest.PageFault {
			mu.Lock()
			defer mu.Unlock()
			if last := asked[len(asked)-1]; last != r {
				t.Errorf("fault of %+v after %+v", r, last)
			}
			if r.Page == 2 && r.Attempt == 1 {
				return imagetest.PageFault{Fault: imagetest.Status(502)}
			}
			return imagetest.PageFault{}
		},
	})
	for _, query := range []string{"", "?marker=b", "?marker=b", "?marker=d", "?marker=c", "?marker=e", "?limit=0", ""} {
		getMembers(t, c, query)
	}
	call(t, c, "GET", memberPath(imageA, "a"), "", "")

	want := []imagetest.PageRequest{
		{ImageID: imageA, Page: 1, Attempt: 1},
		{ImageID: imageA, Page: 2, Marker: "b", Attempt: 1},
		{ImageID: imageA, Page: 2, Marker: "b", Attempt: 2},
		{ImageID: imageA, Page: 3, Marker: "d", Attempt: 1},
		{ImageID: imageA, Page: 0, Marker: "c", Attempt: 1},
		{ImageID: imageA, Page: 0, Marker: "e", Attempt: 1},
		{ImageID: imageA, Page: 1, Attempt: 2},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// The fault of a page comes before that of the request.
func TestPageFaultOverridesPolicy(t *testing.T) {
	t.Parallel()
	c := pagedCloud(imagetest.Pages{Fault: imagetest.OnPage(2, imagetest.PageFault{Fault: imagetest.Status(502)})})
	getMembers(t, c, "")
	c.SetFaults(imagetest.Always(imagetest.Status(503)))
	for query, want := range map[string]int{"": 503, "?marker=b": 502} {
		if e := getMembers(t, c, query); e.status != want {
			t.Errorf("%q: %d, want %d", query, e.status, want)
		}
	}
}
