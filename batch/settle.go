package batch

import "maps"

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
}

// gone reports whether the list proves that the member is not in it.
func (l *listing) gone(memberID string) bool {
	return l.answer.Meaning == Listed && l.members.Complete && !l.members.Has(memberID)
}

// maxListings bounds the lists kept. Rows of one image usually stand together
// in a file, so that few are needed at a time.
const maxListings = 1024

// listings are the lists of a run.
type listings struct {
	byImage map[string]*listing
	waiting int // rows that wait for a list
	// ours are images of which a share was withdrawn: they are ours.
	ours map[string]struct{}
}

func newListings() listings {
	return listings{byImage: make(map[string]*listing), ours: make(map[string]struct{})}
}

// withdrawn notes that a share of the image was withdrawn.
func (l *listings) withdrawn(imageID string) {
	if len(l.ours) >= maxListings {
		clear(l.ours)
	}
	l.ours[imageID] = struct{}{}
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
	switch {
	case l != nil && l.known:
		d.settleBy(t, l)
		return
	case d.stopped != nil:
		d.finish(t, NotFound, join(t.last.Message, "the run stopped before the member list could be read"))
		return
	case l == nil:
		if len(d.listings.byImage) >= maxListings {
			maps.DeleteFunc(d.listings.byImage, func(_ string, l *listing) bool { return l.known })
		}
		l = &listing{imageID: id}
		d.listings.byImage[id] = l
		d.waiting.push(&task{listing: l, due: t.ended})
	}
	l.waiters = append(l.waiters, t)
	d.listings.waiting++
}

// listed takes the final answer to the read of l, and settles the rows that
// wait for it.
func (d *dispatcher) listed(l *listing, members Members, a Answer) {
	l.known, l.members, l.answer = true, members, a
	for _, t := range d.takeWaiters(l) {
		d.settleBy(t, l)
	}
}

// abandon ends the rows that wait for l without it.
func (d *dispatcher) abandon(l *listing) {
	delete(d.listings.byImage, l.imageID)
	for _, t := range d.takeWaiters(l) {
		d.finish(t, NotFound, join(t.last.Message, "the run stopped before the member list could be read"))
	}
}

func (d *dispatcher) takeWaiters(l *listing) []*task {
	waiters := l.waiters
	l.waiters = nil
	d.listings.waiting -= len(waiters)
	return waiters
}

// settleBy ends t's row by what l says. Only a list that was read, is complete
// and does not hold the member proves that it is gone.
func (d *dispatcher) settleBy(t *task, l *listing) {
	switch message := t.last.Message; {
	case l.gone(t.row.Pair.MemberID) && t.last.Meaning == NotAMember:
		d.finish(t, Absent, message)
	case l.gone(t.row.Pair.MemberID):
		d.finish(t, Absent, join(message, "the member is not in the image's list"))
	case l.answer.Meaning != Listed:
		d.finish(t, NotFound, join(message, "reading the member list: "+l.answer.Message))
	case l.members.Has(t.row.Pair.MemberID):
		// The list may have been read before this row was sent.
		d.finish(t, Rejected, join(message, "the member was in the image's list when that was read"))
	default:
		d.finish(t, NotFound, join(message, "the member list that these credentials see may hide others: it proves nothing"))
	}
}
