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

// An API is an image service that removes members from images and adds them.
//
// Each method makes exactly one request, so that the caller can count and pace
// them. There are no errors: any failure is an [Answer] with a [Meaning]. The
// methods may be called concurrently and return soon after ctx ends. Every pair
// must pass [Pair.Validate].
type API interface {
	// Remove revokes the pair's share.
	Remove(ctx context.Context, p Pair) Answer
	// Add shares the image with the member.
	Add(ctx context.Context, p Pair) Answer
	// Members reads one page of an image's member list, the first one for the zero
	// Cursor. The page is valid only if the answer means [Listed].
	Members(ctx context.Context, imageID string, from Cursor) (Page, Answer)
	// Images reads one page of the list of images, the first one for the zero
	// Cursor. The page is valid only if the answer means [Listed].
	Images(ctx context.Context, q ImageQuery, from Cursor) (ImagePage, Answer)
}

// A Cursor is where the next page of a list begins. Its content is known only to
// the [API] that made it.
type Cursor string

// A Page is a part of the member list of an image, as these credentials see it.
type Page struct {
	Members []Member
	// Next are the cursors of the next page, none on the last page. If there are
	// several, each is another way to request the same page, to be used when the
	// one before it is refused or returns nothing new.
	Next []Cursor
	// Control requests, in the last of the ways in Next, the page that begins with
	// the second member of this page. If the answer begins so, the server
	// understands that way. It is empty if there is no such page.
	Control Cursor
	// Gap is why the list cannot be read any further although it continues, or
	// empty.
	Gap string
	// OwnOnly is set unless the page shows that the caller sees the list as the
	// image's owner does. Anybody else sees only their own share.
	OwnOnly bool
}

// A Member is an entry of a member list.
type Member struct {
	ID string
	// Type is empty for a project.
	Type MemberType
	// Status is the member's answer to the share: pending, accepted or rejected.
	// The member can use the image in each case.
	Status string
	// SharedAt is when the image was first shared with the member, ChangedAt when
	// the status was last set. Both are zero if the server does not say.
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
// After an error no further row is sent, but the results of the requests in flight
// are still passed to Record, in case some of them can be kept.
type Recorder interface {
	// Begin is called before the first request for a row, in the order of the rows.
	// Once it has returned, no crash of the process or the machine may hide that
	// the row may have been sent.
	Begin(Row) error
	// Record takes the result of one row. It is called once for each row, except
	// for rows without an attempt when the run stops.
	Record(Result) error
	// Flush is called after each batch of results. When it returns, everything
	// recorded before must survive a crash of the process.
	Flush() error
}
