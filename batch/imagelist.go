package batch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// An Image is an entry of an image list.
type Image struct {
	ID string
	// Name, Owner (a project id) and Status are as the server reports them.
	Name, Owner, Status string
	// Hidden says that ordinary lists leave the image out.
	Hidden bool
	// Unshared says that the image has no members now, whatever it had before, and so no
	// member list.
	Unshared bool
	// Private says that only its owner, and those who see all images, see the image.
	Private bool
	// Received is the status of the share by which the image was found, for
	// [ImageQuery.Received].
	Received string
}

// An ImageQuery says which images are listed.
type ImageQuery struct {
	// Owner is the project whose images are listed; empty for those of all
	// projects that the credentials see.
	Owner string
	// Received asks for the images that others share with the project of the
	// credentials. One whose status changes meanwhile, and each one for credentials
	// that see all images, may be listed with several.
	Received bool
}

// An ImagePage is a part of the list of images.
type ImagePage struct {
	Images []Image
	// Next is where the list continues, empty on its last page. A page may have few
	// images, or none, without being the last.
	Next Cursor
	// Whole says that the list is complete with this page. Later pages only have images
	// that changed while it was read.
	Whole bool
}

// An Inventory takes what [Job.List] finds. Its methods are called by one
// goroutine at a time; an error ends the run.
type Inventory interface {
	// Images takes all images before the first member list is read, see
	// [ImagePage.Whole], and those that were found later, if any, in a second call.
	// It returns those whose member lists are to be read, in that order.
	Images([]Image) ([]Image, error)
	// List takes the result of reading a member list. It is called once for each of those
	// images, in any order, but not for those that the run did not reach.
	List(MemberList) error
}

// A MemberList is the result of reading the member list of an image.
type MemberList struct {
	Image Image
	// Number is the position of the image among all that [Inventory.Images] has
	// returned, from 0.
	Number int
	// Members are in no order. They are all members if Gap is empty.
	Members []Member
	// Gap says why members may be missing: the list, or a part of it, could not be
	// read.
	Gap string
	// OwnOnly is as in [Page].
	OwnOnly bool
	// Answer is the last one. It means [Listed] if any part of the list was read.
	Answer Answer
}

// ErrImages ends a run that could not read the whole list of images.
var ErrImages = errors.New("the image list cannot be read")

// List reads the list of images, and the member list of each image that inv asks
// for, as soon as the image list is whole, see [ImagePage.Whole]. It changes
// nothing. Every request counts for the rate, the attempts and the time limits of
// the job as it does for [Check]. Of failures, only [ErrImages] stops it.
func (j *Job) List(ctx context.Context, q ImageQuery, api API, inv Inventory) (Summary, error) {
	return j.dispatch(ctx, Check, nil, api, nil, func(d *dispatcher) {
		d.src, d.rec = emptySource{}, noRecorder{}
		d.images = &imageList{query: q, inventory: inv, seen: make(map[string]struct{}), asked: make(map[Cursor]struct{})}
		d.waiting.push(&task{images: d.images, due: time.Now()})
	})
}

// An imageList is the list of images, being read or read, and those whose member lists
// are still to be read.
//
// It is read page by page. Glance begins a page after the image that the marker names,
// in the order of creation, so that no image is left out because others are created or
// deleted meanwhile. If the image of the marker itself is deleted, the answer is 400, and
// the list is read again from the start.
type imageList struct {
	query     ImageQuery
	inventory Inventory

	cursor Cursor
	asked  map[Cursor]struct{} // in this reading
	// newPages and oldPages count the pages of this reading with a new image, and those
	// without one.
	newPages, oldPages int
	restarts           int
	images             []Image             // not handed out yet
	seen               map[string]struct{} // in this reading: the ways in which images were received, and their ids
	// handed are the keys of the images that were handed out, nil before the list was
	// complete.
	handed map[string]struct{}

	read    bool
	left    []Image // whose member lists are still to be read
	started int     // counts the member lists
}

const (
	// maxImages bounds the images that are kept in memory.
	maxImages = 1 << 22
	// maxImageRestarts is how often the list is read again from the start.
	maxImageRestarts = 6
	// maxOldPages is how many more pages without a new image than with one there may
	// be. A list made of overlapping parts has some; one that never ends has no others.
	maxOldPages = 16
)

// imagesRead handles the final answer to the request for a page of the image list.
func (d *dispatcher) imagesRead(t *task, p ImagePage) {
	l := t.images
	more, err := l.take(t.last, p)
	switch {
	case d.stopped != nil:
	case err != nil:
		d.stop(fmt.Errorf("%w: %w", ErrImages, err))
	case more:
		d.waiting.push(&task{images: l, due: t.ended})
		if p.Whole && l.handed == nil {
			d.handOut(l)
		}
	default:
		if l.handed == nil || len(l.images) > 0 {
			d.handOut(l)
		}
		l.read, l.seen, l.handed, l.asked = true, nil, nil, nil
	}
}

// handOut passes the images that were found to the inventory.
func (d *dispatcher) handOut(l *imageList) {
	chosen, err := l.inventory.Images(l.images)
	if err != nil {
		d.stopRecorder(err)
	}
	l.left = append(l.left, chosen...)
	l.images, l.handed, l.seen = nil, l.seen, make(map[string]struct{})
}

// take handles the answer to a request for a page, and reports whether another request
// follows.
func (l *imageList) take(a Answer, p ImagePage) (more bool, err error) {
	switch {
	case a.Meaning == Listed:
	case a.Status == http400 && l.cursor != "" && l.restarts < maxImageRestarts:
		l.restarts++
		l.cursor, l.newPages, l.oldPages, l.images = "", 0, 0, nil
		clear(l.asked)
		clear(l.seen)
		return true, nil
	default:
		return false, errors.New(a.Message)
	}
	l.asked[l.cursor] = struct{}{}
	before := len(l.seen)
	for _, image := range p.Images {
		key := image.Received + " " + ImageKey(image.ID)
		if _, ok := l.seen[key]; ok {
			continue
		}
		l.seen[key] = struct{}{}
		if _, ok := l.handed[key]; !ok {
			l.images = append(l.images, image)
		}
	}
	if len(l.seen) > before {
		l.newPages++
	} else {
		l.oldPages++
	}
	_, again := l.asked[p.Next]
	switch {
	case p.Next == "":
		return false, nil
	case again:
		return false, fmt.Errorf("page %d leads back to an earlier one", l.newPages+l.oldPages)
	case l.oldPages > l.newPages+maxOldPages:
		return false, fmt.Errorf("it does not end: %d pages showed no new image", l.oldPages)
	case len(l.seen) > maxImages:
		return false, fmt.Errorf("it has more than %d images", maxImages)
	}
	l.cursor = p.Next
	return true, nil
}

// nextList returns the task of reading the next member list, nil if there is none.
func (l *imageList) nextList(now time.Time) *task {
	if len(l.left) == 0 {
		return nil
	}
	list := &memberList{imageID: l.left[0].ID, image: &l.left[0], number: l.started}
	l.left = l.left[1:]
	l.started++
	list.start(now)
	list.reading.members.keep()
	return &task{list: list, due: now}
}

// listRead passes a member list to the inventory.
func (d *dispatcher) listRead(l *memberList) {
	found := MemberList{Image: *l.image, Number: l.number, Gap: l.gap, OwnOnly: l.ownOnly, Answer: l.answer}
	if l.listed() {
		found.Members = l.members.kept.members
	} else {
		found.Gap = l.answer.Message
	}
	if err := d.images.inventory.List(found); err != nil {
		d.stopRecorder(err)
	}
}

// keptMembers are the members of a list in full, in their order. An id can occur with
// several types and in several spellings.
type keptMembers struct {
	members []Member
	seen    map[keptKey]struct{}
}

type keptKey struct {
	id   string
	kind MemberType
}

// keep makes a set keep its members in full.
func (s *memberSet) keep() { s.kept = &keptMembers{seen: make(map[keptKey]struct{})} }

// add adds a member, and reports whether it is new.
func (k *keptMembers) add(m Member) bool {
	key := keptKey{m.ID, m.Type}
	if _, ok := k.seen[key]; ok {
		return false
	}
	k.seen[key] = struct{}{}
	k.members = append(k.members, m)
	return true
}

// emptySource is the input of a job without rows.
type emptySource struct{}

func (emptySource) Next() (Row, error) { panic("batch: a job without rows asks for one") }

// noRecorder is the recorder of a job without rows.
type noRecorder struct{}

func (noRecorder) Begin(Row) error     { return nil }
func (noRecorder) Record(Result) error { return nil }
func (noRecorder) Flush() error        { return nil }
