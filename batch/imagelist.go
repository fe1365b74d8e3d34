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
	// Name, Owner (a project id) and Status are as the server has them.
	Name, Owner, Status string
	// Hidden says that the image is left out of the usual lists.
	Hidden bool
	// Unshared says that the image has no members at this time, whatever it had
	// before. No list of them can be read.
	Unshared bool
	// Private says that nobody sees the image but its owner and those who see all
	// images.
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
	// Next is where the list goes on, and empty on its last page. A page can
	// have few images, or none, and not be the last.
	Next Cursor
	// Whole says that the list had every image by the end of this page. The pages
	// behind it only have those that changed while it was read.
	Whole bool
}

// An Inventory takes what [Job.List] finds. Its methods are called by one
// goroutine at a time; an error ends the run.
type Inventory interface {
	// Images takes all images before the first member list is read, see
	// [ImagePage.Whole], and those that were found later, if any, in a second call.
	// It returns those whose member lists are to be read, in that order.
	Images([]Image) ([]Image, error)
	// List takes what came of reading a member list. It is called once for
	// each of those images, in any order, but not for those that the run did not
	// get to.
	List(MemberList) error
}

// A MemberList is what came of reading the member list of an image.
type MemberList struct {
	Image Image
	// Number is the position of the image among all that [Inventory.Images] has
	// returned, from 0.
	Number int
	// Members are in no order. They are all members if Gap is empty.
	Members []Member
	// Gap says why members may be missing, or why there are none: the list, or
	// a part of it, could not be read.
	Gap string
	// OwnOnly is as in [Page].
	OwnOnly bool
	// Answer is the last one. It means [Listed] if any part of the list was read.
	Answer Answer
}

// ErrImages ends a run that could not read the list of images to its end.
var ErrImages = errors.New("the image list cannot be read")

// List reads the list of images, and the member list of each image that inv asks
// for, as soon as the image list is whole, see [ImagePage.Whole]. It changes
// nothing. Every request counts for the rate, the attempts and the time limits of
// the job as it does for [Check]; failures do not stop it, but for [ErrImages].
func (j *Job) List(ctx context.Context, q ImageQuery, api API, inv Inventory) (Summary, error) {
	return j.dispatch(ctx, Check, nil, api, nil, func(d *dispatcher) {
		d.src, d.rec = emptySource{}, noRecorder{}
		d.images = &imageList{query: q, inventory: inv, seen: make(map[string]struct{}), asked: make(map[Cursor]struct{})}
		d.waiting.push(&task{images: d.images, due: time.Now()})
	})
}

// An imageList is the list of images, being read or read, and those of them
// whose member lists are still to be read.
//
// It is read page by page. Glance begins a page behind the image that the marker
// names, in the order of creation, so that nothing that is created or deleted
// meanwhile makes it leave out another image. If the image of the marker itself is
// deleted, the answer is 400, and the list is read again from the start.
type imageList struct {
	query     ImageQuery
	inventory Inventory

	cursor Cursor
	asked  map[Cursor]struct{} // in this reading
	// fruitful and barren count the pages of this reading that had a new image,
	// and those that had none.
	fruitful, barren int
	restarts         int
	images           []Image             // that were not handed out yet
	seen             map[string]struct{} // in this reading: the ways in which images were received, and their ids
	// handed are those of the images that were handed out, nil before the list was
	// whole.
	handed map[string]struct{}

	read    bool
	left    []Image // whose member lists were not started yet
	started int     // of the member lists
}

const (
	// maxImages bounds the images that are kept in memory.
	maxImages = 1 << 22
	// maxImageRestarts is how often the list is read again from the start.
	maxImageRestarts = 6
	// maxBarren is how many more pages without a new image there may be than
	// pages with one. A list has such pages where it is made of parts that
	// overlap; one that has nothing else does not end.
	maxBarren = 16
)

// imagesRead takes the final answer to the request for a page of the image list.
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

// handOut hands out the images that were found.
func (d *dispatcher) handOut(l *imageList) {
	chosen, err := l.inventory.Images(l.images)
	if err != nil {
		d.stopRecorder(err)
	}
	l.left = append(l.left, chosen...)
	l.images, l.handed, l.seen = nil, l.seen, make(map[string]struct{})
}

// take takes the answer to a request for a page, and reports whether there is
// another one to make.
func (l *imageList) take(a Answer, p ImagePage) (more bool, err error) {
	switch {
	case a.Meaning == Listed:
	case a.Status == http400 && l.cursor != "" && l.restarts < maxImageRestarts:
		l.restarts++
		l.cursor, l.fruitful, l.barren, l.images = "", 0, 0, nil
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
		l.fruitful++
	} else {
		l.barren++
	}
	_, again := l.asked[p.Next]
	switch {
	case p.Next == "":
		return false, nil
	case again:
		return false, fmt.Errorf("page %d leads back to an earlier one", l.fruitful+l.barren)
	case l.barren > l.fruitful+maxBarren:
		return false, fmt.Errorf("it does not end: %d pages showed no new image", l.barren)
	case len(l.seen) > maxImages:
		return false, fmt.Errorf("it has more than %d images", maxImages)
	}
	l.cursor = p.Next
	return true, nil
}

// nextList is the task of reading the next member list, nil if there is none
// left.
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

// listRead hands out a member list that was read for the sake of itself.
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

// keptMembers are the members of a list with all that is known of them, in their
// order. The same id can be there with several types, and in several spellings.
type keptMembers struct {
	members []Member
	seen    map[keptKey]struct{}
}

type keptKey struct {
	id   string
	kind MemberType
}

// keep lets a set keep its members in full.
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

// emptySource is the input of work that has none.
type emptySource struct{}

func (emptySource) Next() (Row, error) { panic("batch: a run without rows asks for one") }

// noRecorder is the recorder of work without rows.
type noRecorder struct{}

func (noRecorder) Begin(Row) error     { return nil }
func (noRecorder) Record(Result) error { return nil }
func (noRecorder) Flush() error        { return nil }
