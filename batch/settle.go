package batch

import (
	"maps"
	"slices"
)

// A 404 alone proves nothing about the share. One that says nothing of what was
// not found may come from a gateway. One that says "not found in the member
// list" is true of the spelling that was sent, and of the list that the
// credentials may see: Glance looks for the member among all members of the
// caller's own images, but among the caller's own memberships for anybody else's
// (image_member_find in glance/db/sqlalchemy/api.py). So a row is settled by the
// whole list of its image, once that is known to be what the owner sees. The
// list is read once for an image, however many rows ask.

// memberLists are the lists of a run.
type memberLists struct {
	byImage map[string]*memberList
	waiting int // rows that wait for a list
	size    int // lists kept, and members in them
	// owned are images of which a share was revoked: only their owner can do
	// that. The one that was noted last is also kept apart: rows of an image
	// often follow each other.
	owned     map[string]struct{}
	lastOwned string
}

const (
	// maxListed bounds the lists kept, with the members in them. Rows of one
	// image are usually close together in a file, so that few are needed at a
	// time.
	maxListed = 1 << 20
	// maxOwned bounds the images that are remembered as owned.
	maxOwned = 1 << 16
)

func newMemberLists() memberLists {
	return memberLists{byImage: make(map[string]*memberList), owned: make(map[string]struct{})}
}

// own notes that a share of the image was revoked.
func (m *memberLists) own(imageID string) {
	if imageID == m.lastOwned {
		return
	}
	if len(m.owned) >= maxOwned {
		clear(m.owned)
	}
	m.owned[imageID] = struct{}{}
	m.lastOwned = imageID
}

// owns reports whether the image of the row is known to be ours.
func (m *memberLists) owns(row *Row) bool {
	_, owned := m.owned[row.Pair.ImageID]
	return owned || row.Owned
}

// of returns the list of an image, or nil if none is kept.
func (m *memberLists) of(imageID string) *memberList {
	if len(m.byImage) == 0 {
		return nil // as in most runs
	}
	return m.byImage[imageID]
}

// known returns the list of an image if it has been read.
func (m *memberLists) known(imageID string) *memberList {
	if l := m.of(imageID); l != nil && l.read && l.listed() {
		return l
	}
	return nil
}

// add adds the list of an image.
func (m *memberLists) add(imageID string) *memberList {
	l := &memberList{imageID: imageID}
	m.byImage[imageID] = l
	return l
}

// bound forgets the lists that have been read when they are too many.
func (m *memberLists) bound(l *memberList) {
	m.size++
	if l.listed() {
		m.size += l.members.len()
	}
	if m.size > maxListed {
		maps.DeleteFunc(m.byImage, func(_ string, l *memberList) bool { return l.reading == nil })
		m.size = 0
	}
}

// hold keeps a row back while the list of its image is read page by page, and
// reports whether it does.
func (m *memberLists) hold(t *task) bool {
	if t.list != nil {
		return false
	}
	l := m.of(t.row.Pair.ImageID)
	if l == nil || !l.multipage() {
		return false
	}
	l.held = append(l.held, t)
	m.waiting++
	return true
}

// take empties the waiters of a list, or the rows that are held for it.
func (m *memberLists) take(rows *[]*task) []*task {
	taken := *rows
	*rows = nil
	m.waiting -= len(taken)
	return taken
}

// outdated reports whether l does not show what may have become of t's member,
// and was asked for before the last attempt ended.
func (d *dispatcher) outdated(l *memberList, t *task) bool {
	if t.attempts == 0 || !l.asked.Before(t.ended) {
		return false
	}
	if !t.lost && t.last.Meaning != NotAMember && t.respelled == nil {
		return false // nothing has
	}
	shown := l.members.spellings(t.row.Pair.MemberID)
	if d.op.shares {
		return !slices.Contains(shown, t.row.Pair.MemberID)
	}
	return slices.ContainsFunc(t.respelled.left(shown), func(spelling string) bool {
		// Where letter case does not matter, the removal of one spelling has
		// removed another one, too.
		return t.respelled.removed() || t.hasTried(spelling)
	})
}

// settle ends t's row by the member list of its image, now or when the list
// has been read. A list that could not be read is read again for a row that
// comes later: it may have more luck.
func (d *dispatcher) settle(t *task) {
	l := d.lists.of(t.row.Pair.ImageID)
	if l == nil {
		l = d.lists.add(t.row.Pair.ImageID)
	}
	if l.reading == nil && l.read && (l.listed() || !l.answer.Meaning.transient() || l.failures >= maxFailures) {
		d.settleBy(t, l)
		return
	}
	d.await(t, l)
}

// await has the row of t wait for l to be read, and starts that unless it is under
// way.
func (d *dispatcher) await(t *task, l *memberList) {
	if d.stopped != nil && l.reading == nil {
		d.finishUnsettled(t)
		return
	}
	if l.reading == nil {
		if l.listed() {
			l.rereads++
		}
		l.start(t.ended)
		d.waiting.push(&task{list: l, due: t.ended})
	}
	l.waiters = append(l.waiters, t)
	d.lists.waiting++
}

// pageRead takes the final answer to a request for a page, and asks for the next
// one or settles the rows that wait for the list.
func (d *dispatcher) pageRead(t *task, p Page) {
	l := t.list
	pause, more := l.take(t, p)
	switch {
	case more && d.stopped != nil:
		l.end("the run stopped before all of it was read")
		d.abandon(l)
		return
	case more:
		d.waiting.push(&task{list: l, due: t.ended.Add(pause)})
		return
	}
	if l.image != nil {
		d.listRead(l)
		return
	}
	if d.job.OnList != nil {
		d.job.OnList(l.imageID, l.projects(), l.answer)
	}
	for _, held := range d.lists.take(&l.held) {
		held.ended = t.ended
		d.again(held, 0)
	}
	for _, waiter := range d.lists.take(&l.waiters) {
		d.settleBy(waiter, l)
	}
	d.lists.bound(l)
}

// abandon ends the rows that wait for l without it. None can wait for it any
// more: nobody reads it.
func (d *dispatcher) abandon(l *memberList) {
	l.reading = nil
	for _, t := range d.lists.take(&l.held) {
		d.giveUp(t)
	}
	for _, t := range d.lists.take(&l.waiters) {
		d.finishUnsettled(t)
	}
}

// finishUnsettled ends t's row without the list that it waited for.
func (d *dispatcher) finishUnsettled(t *task) {
	outcome := t.outcome()
	switch {
	case t.attempts == 0, t.respelled.removed(): // see task.result for the second
		outcome = Skipped
	case t.lost && !outcome.Settled():
		outcome = Unknown
	}
	d.finish(t, outcome, join(t.last.Message, "the run stopped before the member list could be read"))
}

// settleBy ends t's row by what l says, or sends it once more, in the spelling
// that l has of its member. A list that is older than what t was sent for is
// read again, some times.
func (d *dispatcher) settleBy(t *task, l *memberList) {
	if l.listed() && d.outdated(l, t) && (l.reading != nil || l.rereads < maxRereads) && d.stopped == nil {
		d.await(t, l)
		return
	}
	decided := d.op.decide(t, l, d.lists.owns(&t.row))
	if decided.resend != "" {
		if t.respelled == nil {
			t.respelled = &respelled{}
		}
		t.respelled.next(t, decided.resend, d.job.Attempts)
		d.again(t, 0)
		return
	}
	if decided.outcome == Revoked && t.last.Meaning != Removed {
		t.last = t.respelled.answer
		t.last.Message = ""
	}
	t.settled = l.at
	d.finish(t, decided.outcome, decided.message)
}

// A respelled is what was sent for a row in other spellings of its member than
// that of its pair. A nil one is that of nearly all rows.
type respelled struct {
	now    string   // the spelling that is sent
	tried  []string // sent before
	gone   []string // those of them that were answered by 204
	answer Answer   // the last 204
	budget int      // attempts, over all spellings so far
}

// next chooses the spelling that is sent next; it has attempts of its own.
func (r *respelled) next(t *task, spelling string, attempts int) {
	r.tried = append(r.tried, t.sent().MemberID)
	r.now, r.budget = spelling, t.attempts+attempts
	t.delays = nil
}

// removed reports whether the member was removed in some spelling.
func (r *respelled) removed() bool { return r != nil && len(r.gone) > 0 }

// removedAs reports whether the member was removed in that spelling.
func (r *respelled) removedAs(spelling string) bool {
	return r != nil && slices.Contains(r.gone, spelling)
}

// left is spellings without those that were removed.
func (r *respelled) left(spellings []string) []string {
	if r == nil {
		return spellings
	}
	return slices.DeleteFunc(slices.Clone(spellings), func(s string) bool { return slices.Contains(r.gone, s) })
}

// sent is the pair that t's request is for: the one of its row, or that in
// another spelling.
func (t *task) sent() Pair {
	p := t.row.Pair
	if t.respelled != nil && t.respelled.now != "" {
		p.MemberID = t.respelled.now
	}
	return p
}

// hasTried reports whether t was sent in that spelling.
func (t *task) hasTried(spelling string) bool {
	return t.attempts > 0 && (t.sent().MemberID == spelling || t.respelled != nil && slices.Contains(t.respelled.tried, spelling))
}

// removedNow notes that the last attempt of t has removed its member.
func (t *task) removedNow() {
	if t.respelled == nil {
		t.respelled = &respelled{}
	}
	t.respelled.gone = append(t.respelled.gone, t.sent().MemberID)
	t.respelled.answer = t.last
}

// mayTry reports whether t may have another attempt of the job's.
func (t *task) mayTry(attempts int) bool {
	if t.respelled != nil && t.respelled.budget > 0 {
		attempts = t.respelled.budget
	}
	return t.attempts < attempts
}

// projects counts the projects in the list; it is -1 if the list is not known
// to be whole.
func (l *memberList) projects() int {
	if !l.listed() || l.gapNote(false) != "" {
		return -1
	}
	n := len(l.members.projects)
	for _, spellings := range l.members.respelled {
		n += len(spellings)
	}
	return n
}
