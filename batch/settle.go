package batch

import (
	"maps"
	"time"
)

// A 404 alone proves nothing about the share. One that says nothing of what was
// not found may come from a gateway. One that says "not found in the member
// list" is true of the list that the credentials may see: Glance looks for the
// member among all members of the caller's own images, but among the caller's
// own memberships for anybody else's (image_member_find in
// glance/db/sqlalchemy/api.py). So it is a proof only when the image is known
// to be the caller's: because a share of it was withdrawn in this run, or
// because its member list shows so. The list is read once for an image, however
// many rows ask.

// A listing is the member list of one image, known or on its way.
type listing struct {
	imageID string
	waiters []*task // rows that wait for the list
	known   bool
	members Members
	answer  Answer
	// The read that brought the answer ran from asked to at.
	asked, at time.Time
}

// gone reports whether the list proves that the member is not in it.
func (l *listing) gone(memberID string) bool {
	return l.answer.Meaning == Listed && l.members.Complete && !l.members.Has(memberID)
}

// outdated reports whether the list does not show yet what the run asks for of
// t's member, and may have been read before an attempt of t's was applied whose
// answer was lost.
func (d *dispatcher) outdated(l *listing, t *task) bool {
	return t.lost && l.asked.Before(t.ended) && l.members.Has(t.row.Pair.MemberID) != d.op.shares
}

// maxListed bounds the lists kept, with the ids in them. Rows of one image
// usually stand together in a file, so that few are needed at a time.
const maxListed = 1 << 19

// maxOurs bounds the images that are remembered as ours.
const maxOurs = 1 << 16

// listings are the lists of a run.
type listings struct {
	byImage map[string]*listing
	waiting int // rows that wait for a list
	listed  int // lists kept, and ids in them
	// ours are images of which a share was withdrawn: they are ours. The one
	// that was noted last is also kept apart: rows of an image often follow
	// each other.
	ours map[string]struct{}
	last string
}

func newListings() listings {
	return listings{byImage: make(map[string]*listing), ours: make(map[string]struct{})}
}

// withdrawn notes that a share of the image was withdrawn.
func (l *listings) withdrawn(imageID string) {
	if imageID == l.last {
		return
	}
	if len(l.ours) >= maxOurs {
		clear(l.ours)
	}
	l.ours[imageID] = struct{}{}
	l.last = imageID
}

// proves reports whether the last answer to t is a proof by itself that the
// member is gone.
func (l *listings) proves(t *task) bool {
	_, ours := l.ours[t.row.Pair.ImageID]
	return t.last.Meaning == NotAMember && ours
}

// settle ends t's row by the member list of its image, now or when the list
// has been read.
func (d *dispatcher) settle(t *task) {
	id := t.row.Pair.ImageID
	l := d.listings.byImage[id]
	if l != nil && l.known && d.outdated(l, t) && t.last.Meaning != NotAMember {
		l = nil
	}
	switch {
	case l != nil && l.known:
		d.settleBy(t, l)
		return
	case d.stopped != nil:
		d.finishUnsettled(t)
		return
	case l == nil:
		l = &listing{imageID: id}
		d.listings.byImage[id] = l
		d.waiting.push(&task{listing: l, due: t.ended})
	}
	l.waiters = append(l.waiters, t)
	d.listings.waiting++
}

// listed takes the final answer to a read, and settles the rows that wait for
// it. A list that could not be had is not kept: a later row may have more luck.
func (d *dispatcher) listed(read *task, members Members) {
	l := read.listing
	l.known, l.members, l.answer, l.asked, l.at = true, members, read.last, read.started, read.ended
	for _, t := range d.takeWaiters(l) {
		d.settle(t)
	}
	if d.listings.listed += 1 + len(members.IDs); d.listings.listed > maxListed {
		maps.DeleteFunc(d.listings.byImage, func(_ string, l *listing) bool { return l.known })
		d.listings.listed = 0
	}
	if l.answer.Meaning.transient() {
		delete(d.listings.byImage, l.imageID)
	}
}

// abandon ends the rows that wait for l without it.
func (d *dispatcher) abandon(l *listing) {
	for _, t := range d.takeWaiters(l) {
		d.finishUnsettled(t)
	}
}

// finishUnsettled ends t's row without the list that it waited for.
func (d *dispatcher) finishUnsettled(t *task) {
	outcome := t.outcome()
	switch {
	case t.attempts == 0:
		outcome = Skipped
	case t.lost:
		outcome = Unknown
	}
	d.finish(t, outcome, join(t.last.Message, "the run stopped before the member list could be read"))
}

func (d *dispatcher) takeWaiters(l *listing) []*task {
	waiters := l.waiters
	l.waiters = nil
	d.listings.waiting -= len(waiters)
	return waiters
}

// settleBy ends t's row by what l says.
func (d *dispatcher) settleBy(t *task, l *listing) {
	t.settled = l.at
	outcome, message := d.op.byList(t, l)
	d.finish(t, outcome, message)
}
