package batch

import "maps"

// A 404 that does not say what was not found proves nothing about the share.
// Such a row is settled by reading the image's member list: once for an image,
// however many rows ask.

// A listing is the member list of one image, known or on its way.
type listing struct {
	imageID string
	waiters []*task // rows that wait for the list
	known   bool
	members Members
	answer  Answer
}

// maxListings bounds the lists kept. Rows of one image usually stand together
// in a file, so that few are needed at a time.
const maxListings = 1024

// listings are the lists of a run.
type listings struct {
	byImage map[string]*listing
	waiting int // rows that wait for a list
}

func newListings() listings {
	return listings{byImage: make(map[string]*listing)}
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
	case l.answer.Meaning != Listed:
		d.finish(t, NotFound, join(message, "reading the member list: "+l.answer.Message))
	case l.members.Has(t.row.Pair.MemberID):
		d.finish(t, Rejected, join(message, "the member is still in the image's list"))
	case !l.members.Complete:
		d.finish(t, NotFound, join(message, "the member list shows only ourselves, which proves nothing about others"))
	default:
		d.finish(t, Absent, join(message, "the member is not in the image's list"))
	}
}
