package imagetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Pages makes a cloud serve member lists in pages, as Huawei Cloud has done
// since late 2025. The zero Pages is plain Glance: the whole list at once,
// whatever "limit" and "marker" say.
//
// Pages are counted by markers: page n+1 is the one that the marker on page n
// leads to.
type Pages struct {
	// Size is the number of members on a page when the request has no "limit";
	// 0 means no pages at all. A limit outside 1 to 1000 is answered 400.
	Size int
	// Marker is how a page refers to the next one.
	Marker Marker
	// LastPage is how the last page shows that no other follows.
	LastPage LastPage
	// Fault chooses what goes wrong with a page; nil means that nothing does.
	Fault func(PageRequest) PageFault
	// BeforePage is called before each page is served, so that the list can
	// change between two pages.
	//
	// Fault and BeforePage are called from several goroutines at once, even for
	// a request that turns out not to be allowed, and may use the cloud's
	// methods. BeforePage is called first.
	BeforePage func(PageRequest)
}

// A Marker is a form of marker, and what becomes of it when the list changes.
type Marker int

// The forms. Except where they say otherwise, a marker is the id of the last
// member on the page, and the next page starts behind that id in sort order,
// whoever has been removed. (Of a project and an account with the same id, the
// first has a longer marker when the page ends between the two.)
const (
	// MarkerMember is sent back as it came.
	MarkerMember Marker = iota
	// MarkerBase64 must be sent back in standard base64. Anything else is
	// answered 400, the plain id among it.
	MarkerBase64
	// MarkerBase64Silent is MarkerBase64, but anything else is ignored: the
	// first page is served again.
	MarkerBase64Silent
	// MarkerOpaque is a text with "+", "/" and "=", answered 400 when it is
	// not percent-encoded.
	MarkerOpaque
	// MarkerPosition is a position in the list: after the removal of a member
	// on an earlier page, the next page skips one.
	MarkerPosition
	// MarkerRow needs the member that it names: once that has been removed, the
	// list seems to end.
	MarkerRow
	// MarkerLink comes in "next", a URL as in other lists of the Image API, and
	// there is no page_info. Host and image of the URL are wrong: it is good
	// for nothing but its marker.
	MarkerLink
)

// LastPage is what stands on the last page in place of a marker (or of the
// URL, with [MarkerLink]).
type LastPage int

// The ways in which a last page can be told.
const (
	LastPageEmpty    LastPage = iota // an empty string
	LastPageNull                     // null
	LastPageNoMarker                 // no such field
	LastPageNoInfo                   // no page_info at all
)

// A PageRequest is a request for a page of a member list.
type PageRequest struct {
	ImageID string
	// Page is the number of the page, from 1; 0 when it cannot be counted, as
	// the way to it began with a marker that was never on a page.
	Page int
	// Marker is the marker that was sent, decoded from the query; empty for the
	// first page.
	Marker string
	// Attempt counts the requests for the image with this marker from 1. A
	// marker that is ignored counts as none.
	Attempt int
}

// A PageFault is what goes wrong with a page. The zero PageFault is nothing.
type PageFault struct {
	// Kind is what is wrong with the page itself.
	Kind PageFaultKind
	// Fault is met by the request, in place of what [Cloud.SetFaults] has for
	// it. With [Status] there is no page at all.
	Fault Fault
}

// A PageFaultKind is a way in which a page can be wrong.
type PageFaultKind int

// The ways.
const (
	// GoodPage is not wrong.
	GoodPage PageFaultKind = iota
	// RepeatedPage is the page before once more, with its marker: it leads to
	// itself. On page 1, nothing is wrong.
	RepeatedPage
	// LoopingPage is a good page with a marker that leads to the first page.
	LoopingPage
	// StalePage has the members of the page before once more, and EmptyPage has
	// none. Both have a new marker, which leads to the members that should have
	// been here: on every page, they make a list without end.
	StalePage
	EmptyPage
	// ForeignPage has members of the image [OtherImageID] in place of its own.
	ForeignPage
	// CutPage breaks the connection in the middle of the page.
	CutPage
	// TruncatedPage ends in the middle without a sign of it in HTTP, as when
	// the connection breaks before a server that sends no Content-Length.
	TruncatedPage
)

// OtherImageID is the image that a [ForeignPage] and a [MarkerLink] name.
const OtherImageID = "0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e"

// OnPage chooses f for one page of each image.
func OnPage(page int, f PageFault) func(PageRequest) PageFault {
	return func(r PageRequest) PageFault {
		if r.Page != page {
			return PageFault{}
		}
		return f
	}
}

const (
	maxPageSize = 1000
	// opaquePrefix comes out as "++//" in base64.
	opaquePrefix = "\xfb\xef\xff"
)

// write makes a marker of a text.
func (m Marker) write(text string) string {
	if m != MarkerOpaque {
		return text
	}
	text = opaquePrefix + text
	if len(text)%3 == 0 {
		text += "\x00" // for the sake of the "="
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// read returns the text of a marker that was sent.
func (m Marker) read(sent string) (text string, ok bool) {
	switch m {
	case MarkerBase64, MarkerBase64Silent, MarkerOpaque:
		decoded, err := base64.StdEncoding.DecodeString(sent)
		if err != nil {
			return "", false
		}
		text = string(decoded)
	default:
		return sent, true
	}
	if m == MarkerOpaque {
		text, ok = strings.CutPrefix(text, opaquePrefix)
		return strings.TrimSuffix(text, "\x00"), ok
	}
	return text, true
}

// markerKey is a marker's text and the image that it is for.
type markerKey struct{ imageID, text string }

// bookmark is what a cloud knows of a marker.
type bookmark struct {
	page     int
	start    place
	before   *memberList // the page that it was on, nil when it was on none
	attempts int
}

// place is where in the list a page starts: behind a row, or at a position.
type place struct {
	behind   *member
	position int
}

// page is a request for a page and what it is to get.
type page struct {
	PageRequest
	bookmark
	limit   int
	invalid string // why the request is refused
	fault   PageFault
}

// memberList is a list of members in JSON, or a page of it.
type memberList struct {
	Members  []memberDocument `json:"members"`
	Schema   string           `json:"schema"`
	PageInfo *pageInfo        `json:"page_info,omitempty"`
	Next     any              `json:"next,omitempty"`
}

type pageInfo struct {
	NextMarker   any `json:"next_marker,omitempty"`
	CurrentCount int `json:"current_count"`
}

// openPage reads a request for a page and asks what is to go wrong with it.
func (c *Cloud) openPage(target, imageID string) page {
	p := c.readPage(target, imageID)
	if p.invalid != "" {
		return p
	}
	if c.Pages.BeforePage != nil {
		c.Pages.BeforePage(p.PageRequest)
	}
	if c.Pages.Fault != nil {
		p.fault = c.Pages.Fault(p.PageRequest)
	}
	return p
}

func (c *Cloud) readPage(target, imageID string) page {
	p := page{PageRequest: PageRequest{ImageID: imageID}, limit: c.Pages.Size}
	_, query, _ := strings.Cut(target, "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		p.invalid = "The query string is malformed."
		return p
	}
	if parameters.Has("limit") {
		p.limit, err = strconv.Atoi(parameters.Get("limit"))
		if err != nil || p.limit < 1 || p.limit > maxPageSize {
			p.invalid = fmt.Sprintf("limit must be an integer from 1 to %d", maxPageSize)
			return p
		}
	}
	p.Marker = parameters.Get("marker")

	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.bookmark(imageID, p.Marker)
	if b == nil {
		p.invalid = "marker is invalid"
		return p
	}
	b.attempts++
	p.bookmark, p.Page, p.Attempt = *b, b.page, b.attempts
	return p
}

// bookmark returns what there is to know of a marker that was sent, or nil for
// one that is refused.
func (c *Cloud) bookmark(imageID, sent string) *bookmark {
	first := c.mark(imageID, "")
	first.page = 1
	if sent == "" {
		return first
	}
	text, ok := c.Pages.Marker.read(sent)
	b := c.mark(imageID, text)
	if ok && b.before == nil {
		b.start, ok = c.guess(imageID, text)
	}
	switch {
	case ok:
		return b
	case c.Pages.Marker == MarkerBase64Silent:
		return first
	}
	return nil
}

// mark returns the bookmark of a text, which it makes when there is none.
func (c *Cloud) mark(imageID, text string) *bookmark {
	key := markerKey{c.imageKey(imageID), text}
	if c.bookmarks[key] == nil {
		c.bookmarks[key] = &bookmark{}
	}
	return c.bookmarks[key]
}

// guess finds the place that a marker means which was never on a page.
func (c *Cloud) guess(imageID, text string) (place, bool) {
	if c.Pages.Marker == MarkerPosition {
		n, err := strconv.Atoi(text)
		return place{position: n}, err == nil && n >= 0
	}
	for _, kind := range []MemberType{MemberProject, MemberDomain, MemberOrganization} {
		if m := c.member(imageID, text, kind); m != nil {
			return place{behind: m}, true
		}
	}
	// Anybody has a place in the order of ids, but no row.
	nobody := &member{id: text, kind: MemberProject, deleted: true}
	return place{behind: nobody}, c.Pages.Marker != MarkerBase64 && c.Pages.Marker != MarkerBase64Silent
}

// startOf returns the index of the first row of a page.
func (c *Cloud) startOf(rows []*member, at place) int {
	switch {
	case at.behind == nil:
		return min(at.position, len(rows))
	case at.behind.deleted && c.Pages.Marker == MarkerRow:
		return len(rows)
	}
	i, found := slices.BinarySearchFunc(rows, at.behind, compareRows)
	if found {
		i++
	}
	return i
}

// memberPage answers with a page of the rows.
func (c *Cloud) memberPage(img *image, rows []*member, p page) answer {
	switch {
	case p.invalid != "":
		return refusal(http.StatusBadRequest, "%s", p.invalid)
	case p.fault.Kind == RepeatedPage && p.before != nil:
		return document(http.StatusOK, p.before)
	}
	start := c.startOf(rows, p.start)
	end := min(start+p.limit, len(rows))
	list := img.list(rows[start:end])

	// The next page, and the text of the marker that leads there.
	next, text := bookmark{before: list}, ""
	if p.Page > 0 {
		next.page = p.Page + 1
	}
	switch {
	case p.fault.Kind == LoopingPage:
		next.page, text = 1, "first"
	case p.fault.Kind == StalePage, p.fault.Kind == EmptyPage:
		next.start, text = p.start, fmt.Sprintf("page-%d", len(c.bookmarks))
	case end < len(rows) && c.Pages.Marker == MarkerPosition:
		next.start, text = place{position: end}, strconv.Itoa(end)
	case end < len(rows):
		last := rows[end-1]
		next.start, text = place{behind: last}, last.id
		if rows[end].id == last.id {
			text += "/" + string(last.kind)
		}
	}

	switch p.fault.Kind {
	case StalePage:
		if p.before != nil {
			list.Members = p.before.Members
		}
	case EmptyPage:
		list.Members = []memberDocument{}
	case ForeignPage:
		for i := range list.Members {
			list.Members[i].ImageID, list.Members[i].MemberID = OtherImageID, fmt.Sprintf("%032x", i+1)
		}
	}
	c.turn(list, text, p.limit)
	if text != "" {
		b := c.mark(img.ID, text)
		next.attempts = b.attempts
		*b = next
	}

	a := document(http.StatusOK, list)
	switch p.fault.Kind {
	case CutPage:
		a.lost = len(a.body) / 2
	case TruncatedPage:
		a.body = a.body[:len(a.body)/2]
	}
	return a
}

// turn writes the way to the next page onto a page, or that it is the last.
func (c *Cloud) turn(list *memberList, text string, limit int) {
	var next any // nil: no such field
	switch {
	case text != "":
		next = c.Pages.Marker.write(text)
	case c.Pages.LastPage == LastPageEmpty:
		next = ""
	case c.Pages.LastPage == LastPageNull:
		next = json.RawMessage("null")
	}
	switch {
	case c.Pages.Marker == MarkerLink && text != "":
		query := url.Values{"marker": {text}, "limit": {strconv.Itoa(limit)}}
		list.Next = "http://elsewhere.invalid/v2/images/" + OtherImageID + "/members?" + query.Encode()
	case c.Pages.Marker == MarkerLink:
		list.Next = next
	case text != "" || c.Pages.LastPage != LastPageNoInfo:
		list.PageInfo = &pageInfo{next, len(list.Members)}
	}
}
