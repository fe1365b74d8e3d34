package imageapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/clockskew"
)

const (
	// maxErrorBody is how much of an error body is read for its message, and
	// drained so that the connection can be used again.
	maxErrorBody = 64 << 10
	// maxList is the longest page of a member list that is read, in bytes. Clouds
	// allow between 128 and some thousand members of an image, at about 300 bytes
	// each.
	maxList = 8 << 20
	// maxListedID is the longest id in a member list, in bytes: Glance stores 255
	// characters. maxMarker is the longest marker of a page.
	maxListedID = 4 * batch.MaxMemberIDLength
	maxMarker   = 4 << 10
)

// Credentials authorise requests. Its methods are called from several
// goroutines at once.
type Credentials interface {
	// Authorize puts the current credential on a request, and returns a number
	// by which the credential is known to the other methods. It refuses to put
	// it on a request that goes elsewhere than to the endpoint.
	Authorize(req *http.Request) (credential uint64, err error)
	// Renew is called when a credential was refused for a request of some kind,
	// which is named by its access rule. It returns nil when a newer one is in
	// place; an error that wraps [batch.ErrNotAllowed] when the credential is good, but
	// not for requests of this kind; one that wraps [batch.ErrUnauthorized] when there is
	// none to be had; and any other error when it may be had later.
	Renew(ctx context.Context, credential uint64, kind string) error
	// Accepted is called when the answer to a request of that kind has shown that
	// the credential is good.
	Accepted(credential uint64, kind string)
}

// Config is what a Client works with. All fields but ProjectID, Huawei and
// UserAgent are needed.
type Config struct {
	// Endpoint is the address of the Image API without the version, for
	// example https://image.example.com or https://example.com:9292/image.
	Endpoint *url.URL
	// Transport sends the requests. Redirects are never followed, whatever it
	// is: a redirected DELETE is a sign of a wrong endpoint.
	Transport http.RoundTripper
	// Credentials authorise the requests.
	Credentials Credentials
	// ProjectID is the project of the credentials, empty when it is not known.
	ProjectID string
	// Huawei says that the endpoint is that of Huawei Cloud's IMS, which has an
	// image list of its own.
	Huawei bool
	// UserAgent is sent with each request.
	UserAgent string
}

// A Client is a [batch.API].
type Client struct {
	config Config
	// endpoint is the endpoint without what may stand behind its path, basePath
	// that path as it stands on a request line.
	endpoint url.URL
	basePath string
	header   http.Header // that all requests share
	began    atomic.Bool // that a request was made
}

var _ batch.API = (*Client)(nil)

// New returns a client.
func New(config Config) *Client {
	endpoint := *config.Endpoint
	endpoint.RawQuery, endpoint.ForceQuery, endpoint.Fragment, endpoint.RawFragment = "", false, "", ""
	return &Client{
		config:   config,
		endpoint: endpoint,
		basePath: endpoint.EscapedPath(),
		header:   http.Header{"Accept": {"application/json"}, "User-Agent": {config.UserAgent}},
	}
}

// Remove revokes one share:
// DELETE /v2/images/{image_id}/members/{member_id}.
func (c *Client) Remove(ctx context.Context, p batch.Pair) batch.Answer {
	return c.change(ctx, p, removal, http.MethodDelete, memberPath(p), nil, meaningOfRemove)
}

// Add makes one share: POST /v2/images/{image_id}/members. The member finds it
// pending.
func (c *Client) Add(ctx context.Context, p batch.Pair) batch.Answer {
	return c.change(ctx, p, addition, http.MethodPost, membersPath(p.ImageID), addBody(p.MemberID), meaningOfAdd)
}

// change makes a request that changes the share of p; meaning says what the
// answer to it means.
func (c *Client) change(
	ctx context.Context, p batch.Pair, kind, method, path string, body []byte,
	meaning func(*http.Response, batch.Pair, errorText) (batch.Meaning, string),
) batch.Answer {
	req, err := c.request(method, path, "", body)
	if err != nil {
		return notSent(err)
	}
	e := c.exchange(ctx, req, kind)
	defer e.close()
	if e.failed() {
		return e.answer
	}
	e.answer.Meaning, e.answer.Message = meaning(e.resp, p, e.errorText)
	return c.judge(ctx, &e)
}

// Members reads a page of the members of an image:
// GET /v2/images/{image_id}/members. See readPage for what makes a page.
func (c *Client) Members(ctx context.Context, imageID string, from batch.Cursor) (batch.Page, batch.Answer) {
	req, err := c.request(http.MethodGet, membersPath(imageID), string(from), nil)
	if err != nil {
		return batch.Page{}, notSent(err)
	}
	var page batch.Page
	answer := c.read(ctx, req, memberList, batch.Pair{ImageID: imageID}, func(e *exchange) (err error) {
		page, err = c.readPage(e.resp.Body, imageID, secretsOf(e.req))
		return err
	})
	return page, answer
}

// read makes the request for a page of a list; take reads the body of an answer
// 200. A page that take refuses with a finalError is refused, any other one broken.
// The pair is what the request is about, as far as it is about one.
func (c *Client) read(ctx context.Context, req http.Request, kind string, p batch.Pair, take func(*exchange) error) batch.Answer {
	e := c.exchange(ctx, req, kind)
	defer e.close()
	if e.failed() {
		return e.answer
	}
	if e.resp.StatusCode != http.StatusOK {
		e.answer.Meaning, e.answer.Message = meaningOfRefusal(e.resp, p, e.errorText)
		return c.judge(ctx, &e)
	}
	err := take(&e)
	switch {
	case err == nil:
		e.answer.Meaning = batch.Listed
	case errors.As(err, new(finalError)):
		e.answer.Meaning, e.answer.Message = batch.Refused, err.Error()
	default:
		e.answer.Meaning, e.answer.Message = batch.Broken, err.Error()
	}
	return c.judge(ctx, &e)
}

// A memberPage is the body of an answer to the request for a page. Glance sends
// the whole list at once. Huawei Cloud sends 500 members with the marker of the
// next page in page_info, and says what kind of member each is. Other lists of
// the Image API have the address of the next page in next.
type memberPage struct {
	members  []batch.Member
	PageInfo struct {
		NextMarker string `json:"next_marker"`
	} `json:"page_info"`
	Next string `json:"next"`
}

// A listedMember is an entry of a member list.
type listedMember struct {
	ImageID    string       `json:"image_id"`
	MemberID   string       `json:"member_id"`
	MemberType string       `json:"member_type"`
	Status     memberStatus `json:"status"`
	CreatedAt  moment       `json:"created_at"`
	UpdatedAt  moment       `json:"updated_at"`
}

// readPage reads the body of an answer to the request for a page.
func (c *Client) readPage(body io.Reader, imageID string, secrets secrets) (batch.Page, error) {
	limited := &io.LimitedReader{R: body, N: maxList}
	list, err := readMembers(json.NewDecoder(limited), imageID, secrets)
	var foreign *entryError
	switch {
	case err == nil:
	case errors.As(err, &foreign):
		return batch.Page{}, foreign
	case limited.N <= 0:
		return batch.Page{}, fmt.Errorf("the member list is longer than %d bytes", maxList)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return batch.Page{}, errors.New("the member list is cut short")
	case errors.Is(err, context.DeadlineExceeded):
		return batch.Page{}, errors.New("the member list did not arrive within the time of one attempt")
	default:
		return batch.Page{}, fmt.Errorf("the answer is not a member list: %w", err)
	}
	page := batch.Page{Members: list.members}
	list.next(&page)
	page.OwnOnly = c.ownOnly(page.Members)
	return page, nil
}

// readMembers reads a page entry by entry: a hostile one must not take several
// times its length in memory, for each worker.
func readMembers(from *json.Decoder, imageID string, secrets secrets) (*memberPage, error) {
	if err := open(from, '{'); err != nil {
		return nil, err
	}
	list := &memberPage{}
	for from.More() {
		name, err := from.Token()
		if err != nil {
			return nil, err
		}
		switch name {
		case "members":
			err = list.readEntries(from, imageID, secrets)
		case "page_info":
			err = from.Decode(&list.PageInfo)
		case "next":
			err = from.Decode(&list.Next)
		default:
			err = skip(from)
		}
		if err != nil {
			return nil, atEnd(err)
		}
	}
	if _, err := from.Token(); err != nil {
		return nil, atEnd(err)
	}
	if list.members == nil {
		return nil, errors.New("it has no members")
	}
	return list, nil
}

// readEntries reads the list of members itself.
func (p *memberPage) readEntries(from *json.Decoder, imageID string, secrets secrets) error {
	if err := open(from, '['); err != nil {
		return err
	}
	if p.members == nil {
		p.members = []batch.Member{}
	}
	for from.More() {
		var m listedMember
		if err := from.Decode(&m); err != nil {
			return err
		}
		switch {
		case m.MemberID == "":
			return &entryError{"the member list has an entry without an id"}
		case len(m.MemberID) > maxListedID || len(m.MemberType) > maxListedID:
			return &entryError{fmt.Sprintf("the member list has an id of %d bytes", max(len(m.MemberID), len(m.MemberType)))}
		case !sameID(m.ImageID, imageID):
			return &entryError{fmt.Sprintf("the member list is of the image %q", m.ImageID)}
		}
		member := batch.Member{
			ID: m.MemberID, Status: string(m.Status), SharedAt: time.Time(m.CreatedAt), ChangedAt: time.Time(m.UpdatedAt),
		}
		if m.MemberType != "" && m.MemberType != "project" {
			// Both are shown as they are.
			member.ID, member.Type = secrets.message(m.MemberID), batch.MemberType(secrets.message(m.MemberType))
		}
		p.members = append(p.members, member)
	}
	_, err := from.Token()
	return err
}

// An entryError says what is wrong with an entry of a member list.
type entryError struct{ text string }

func (e *entryError) Error() string { return e.text }

// open reads the beginning of an object or a list.
func open(from *json.Decoder, delim json.Delim) error {
	token, err := from.Token()
	if err == nil && token != delim {
		err = fmt.Errorf("it has %v instead of %v", token, delim)
	}
	return err
}

// skip reads past one value, of which nothing is kept.
func skip(from *json.Decoder) error {
	for depth := 0; ; {
		token, err := from.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// atEnd is an error for a value that has an end too early.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next says how to ask for the page behind this one, if there is one. The
// documentation of Huawei Cloud can be read in two ways: the marker is sent as it
// came, or in base64. Of an address nothing is used but its marker: where to go
// it must not say.
func (p *memberPage) next(page *batch.Page) {
	marker := p.PageInfo.NextMarker
	if marker == "" && p.Next != "" {
		if marker = markerOf(p.Next); marker == "" {
			page.Gap = "its next page has no marker"
			return
		}
	}
	switch {
	case marker == "":
		return
	case len(marker) > maxMarker:
		page.Gap = fmt.Sprintf("the marker of its next page has %d bytes", len(marker))
		return
	}
	page.Next = []batch.Cursor{cursor(marker), cursor(inBase64(marker))}
	// Only where markers are the ids of members can another one be made.
	if last := len(page.Members) - 1; last > 0 && page.Members[last].ID == marker {
		page.Control = cursor(inBase64(page.Members[0].ID))
	}
}

func cursor(marker string) batch.Cursor { return batch.Cursor(markerIs + url.QueryEscape(marker)) }

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// ownOnly reports whether nothing shows that a list is that of the image's
// owner, who sees every member. A member sees only its own share: the one for
// its project, or perhaps one for its account or organization.
func (c *Client) ownOnly(members []batch.Member) bool {
	projects := 0
	for _, m := range members {
		switch {
		case m.Type != "":
		case c.config.ProjectID != "" && !sameID(m.ID, c.config.ProjectID):
			return false
		default:
			projects++
		}
	}
	return len(members) > 0 && (projects < 2 || c.config.ProjectID != "")
}

// judge does what an answer means for the credential that it was asked with,
// and makes its message fit to be shown.
func (c *Client) judge(ctx context.Context, e *exchange) batch.Answer {
	if e.first {
		if why := notThere(e); why != "" {
			e.answer.Meaning = batch.Misconfigured
			e.answer.Message = "there is none at " + c.config.Endpoint.String() + ": " + why
		}
	}
	switch m := e.answer.Meaning; {
	case m == batch.Throttled:
		e.answer.Limit, e.answer.LimitWindow = limitOf(e.errorText.message)
	case m == batch.Unauthorized:
		e.answer.Meaning, e.answer.Message = c.renew(ctx, e)
	case m.Served():
		c.config.Credentials.Accepted(e.credential, e.kind)
	}
	e.answer.Message = secretsOf(e.req).message(e.answer.Message)
	return e.answer
}

// renew has the credential replaced that was refused. A 401 does not prove it
// bad: Glance answers the same when it cannot reach Keystone to ask. But with a
// clock that is wrong, every credential would be refused that signs.
func (c *Client) renew(ctx context.Context, e *exchange) (batch.Meaning, string) {
	if clock := clockskew.Explain(e.req, e.resp.Header, e.errorText.message); clock != "" {
		return batch.Unauthorized, clock
	}
	switch err := c.config.Credentials.Renew(ctx, e.credential, e.kind); {
	case err == nil:
		return batch.Renewed, e.answer.Message
	case errors.Is(err, batch.ErrNotAllowed):
		return batch.Forbidden, notAllowed(e.kind)
	case errors.Is(err, batch.ErrUnauthorized):
		// Some gateways repeat the whole request, which would leave no room
		// for what to do.
		message := strings.TrimSuffix(oneLine(e.answer.Message, 100), ".")
		if v, ok := e.errorText.verdict(e.answer.Status); ok && v.hint != "" {
			message += "; " + v.hint
		}
		return batch.Unauthorized, message + "; " + err.Error()
	default:
		return batch.Unavailable, err.Error()
	}
}

// The kinds of requests, by the access rules that allow them.
const (
	removal    = "DELETE " + imagesPath + "*/members/*"
	addition   = "POST " + imagesPath + "*/members"
	memberList = "GET " + imagesPath + "*/members"
	imageList  = "GET " + imageListPath
)

// notAllowed says what a credential may not do that is accepted for requests of
// other kinds, and which access rule it lacks.
func notAllowed(kind string) string {
	what := map[string]string{removal: "revoke shares", addition: "restore shares", memberList: "read member lists", imageList: "list images"}[kind]
	return "this credential may not " + what + "; it needs an access rule for " + kind
}

// notSent is the answer to a request that must not be made.
func notSent(err error) batch.Answer {
	return batch.Answer{Meaning: batch.Refused, Message: "nothing was sent: " + clean(err.Error())}
}
