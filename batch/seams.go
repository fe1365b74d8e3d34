package batch

import (
	"context"
	"time"
)

// A Source hands out the rows of a job.
type Source interface {
	// Next returns the next row, and io.EOF after the last one. Any other
	// error ends the run: the input can no longer be trusted. It is called by
	// one goroutine at a time.
	Next() (Row, error)
}

// An API is an image service that takes members off images and adds them.
//
// Its methods make exactly one request each, so that the caller can count and
// pace them, and never fail in the Go sense: an error of any kind is an
// [Answer] with a [Meaning]. They are called from several goroutines at once,
// return soon after ctx ends, and must never be given a pair that does not
// pass [Pair.Validate].
type API interface {
	// Remove asks for the pair's share to be withdrawn.
	Remove(ctx context.Context, p Pair) Answer
	// Add asks for the pair's share to be made.
	Add(ctx context.Context, p Pair) Answer
	// Members asks for one page of the member list of an image: the first one
	// for the zero Cursor. The page counts only when the answer means [Listed].
	Members(ctx context.Context, imageID string, from Cursor) (Page, Answer)
	// Images asks for one page of the list of images: the first one for the zero
	// Cursor. The page counts only when the answer means [Listed].
	Images(ctx context.Context, q ImageQuery, from Cursor) (ImagePage, Answer)
}

// A Cursor says where a list goes on. Nobody but the [API] that made it
// knows what is in it.
type Cursor string

// A Page is a part of the member list of an image, as these credentials see it.
type Page struct {
	Members []Member
	// Next is where the list goes on, and empty on its last page. Where there
	// are several ways to ask for the next page, the next one is for the case
	// that the one before is refused or brings nothing new.
	Next []Cursor
	// Control asks, in the last of the ways in Next, for the page that begins
	// with the second member of this one. If it does, the server understands
	// that way. It is empty if there is no such page.
	Control Cursor
	// Gap says why the list cannot be read any further, though it goes on. It is
	// empty otherwise.
	Gap string
	// OwnOnly says that nothing on the page shows that the list is that of the
	// image's owner, who sees every member. Others see only their own share.
	OwnOnly bool
}

// A Member is an entry of a member list.
type Member struct {
	ID string
	// Type is empty for a project.
	Type MemberType
	// Status is the word for what the member has made of the share: pending,
	// accepted or rejected. Any of them can use the image.
	Status string
	// SharedAt is when the image was shared with the member for the first time,
	// ChangedAt when the status was set last. They are zero when the server does
	// not say.
	SharedAt, ChangedAt time.Time
}

// A MemberType is the kind of a member that is not a project. Huawei Cloud has
// some.
type MemberType string

// The types of members that are known. There may be others.
const (
	Account      MemberType = "domain"
	Organization MemberType = "organization"
)

// A Recorder keeps results. Its methods are called by one goroutine at a time.
// After an error no further row is sent, but the results of requests that are
// under way are still recorded, for the case that some of them can be kept.
type Recorder interface {
	// Begin is called before the first request for a row, with the rows in
	// their order. Once it has returned, nothing that happens to the process or
	// the machine may hide that the row may have been sent.
	Begin(Row) error
	// Record takes the result of one row. It is called once for each row but
	// those that ended without an attempt because the run stopped.
	Record(Result) error
	// Flush is called when nothing else is about to be recorded at once. What
	// was recorded before must survive the process when it returns.
	Flush() error
}

// Meaning is what one answer of an [API] says. Whether the request is made
// again, and when, follows from it and is decided here, not by the API.
type Meaning uint8

// The meanings of answers.
const (
	// Unanswered: the request was sent, or may have been, and no answer came:
	// it may have been applied. The zero Meaning, so that nothing that was
	// forgotten can look better than it is.
	Unanswered Meaning = iota
	// Removed: the server says that it has removed the member.
	Removed
	// Added: the server says that it has added the member.
	Added
	// Listed: the server has sent the list that was asked for.
	Listed
	// NotAMember: the server says that the member is not in the image's list,
	// as far as these credentials may see that.
	NotAMember
	// AlreadyMember: the server says that the member is in the image's list.
	AlreadyMember
	// Conflict: the server refuses to add the member for the sake of those that
	// there are: they are as many as there may be, or it does not say. It may
	// refuse one so that is in the list already.
	Conflict
	// NoSuchImage: the server says that it knows no such image; it says the
	// same of an image that these credentials may not see.
	NoSuchImage
	// NotShared: the server says that the image has no members at this time,
	// since it is not of the kind that is shared.
	NotShared
	// Unproved: a 404 which does not say what was not found.
	Unproved
	// Unauthorized: the credentials are refused and cannot be renewed.
	Unauthorized
	// Renewed: the credentials were refused, and new ones are in place: the
	// same request may be made again at once.
	Renewed
	// Forbidden: the credentials are good, but not for this.
	Forbidden
	// WrongEndpoint: nothing of the kind is served at this address.
	WrongEndpoint
	// Refused: a final refusal of another kind.
	Refused
	// Throttled: too many requests; not applied.
	Throttled
	// Unavailable: the server cannot serve now; not applied.
	Unavailable
	// Broken: the server, or a gateway before it, failed on the way: it may
	// have been applied.
	Broken
	// Unreachable: the request never left; not applied.
	Unreachable
	// Misconfigured: no request can get through, because the way to the server
	// is set up wrongly; not applied. After a request that did get through it is
	// the same as Unreachable.
	Misconfigured
)

// transient reports whether the same request may fare better later.
func (m Meaning) transient() bool {
	switch m {
	case Unanswered, Throttled, Unavailable, Broken, Unreachable:
		return true
	}
	return false
}

// maybeApplied reports whether the request may have done its work although
// the answer does not say so.
func (m Meaning) maybeApplied() bool { return m == Unanswered || m == Broken }

// inQuestion reports whether the answer leaves open if the member is in the
// image's list, which the list itself can tell.
func (m Meaning) inQuestion() bool { return m == NotAMember || m == Unproved || m == Conflict }

// answered reports whether the server has taken the request up, whatever it made
// of it. It has not where it is in trouble, refuses the credentials, or is no
// Image API.
func (a *Answer) answered() bool {
	switch a.Meaning {
	case Unauthorized, Renewed, WrongEndpoint, Misconfigured:
		return false
	case Refused:
		return a.Status != 0 // without one nothing was sent
	}
	return !a.Meaning.transient()
}

// Served reports whether the answer shows that the server does its work and
// takes the credentials for what they are.
func (m Meaning) Served() bool {
	switch m {
	case Removed, Added, Listed, NotAMember, AlreadyMember, Conflict, NoSuchImage, NotShared, Forbidden:
		return true
	}
	return false
}

// An Answer is what came of one request.
type Answer struct {
	Meaning Meaning
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// RetryAfter is how long the server asks to be left alone, 0 when it does
	// not say.
	RetryAfter time.Duration
	// Limit is how many requests a second the server lets through, counted over
	// LimitWindow. Both are 0 when it does not say.
	Limit       float64
	LimitWindow time.Duration
	// RequestID names the request in the server's log.
	RequestID string
	// Message is the server's or the transport's explanation, one line of
	// printable text of bounded length, without secrets.
	Message string
}
