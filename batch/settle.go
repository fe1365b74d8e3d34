package batch

import (
	"maps"
	"slices"
)

// A 404 alone proves nothing about the share. One that does not say what was not
// found may come from a gateway. One that says "not found in the member list" is
// true only of the spelling that was sent and of the list that the credentials
// see: Glance searches all members of the caller's own images, but only the
// caller's own memberships of other images (image_member_find in
// glance/db/sqlalchemy/api.py). So a row is settled by the complete member list of
// its image, if that is known to be what the owner sees. The list is read once per
// image, however many rows need it.

// memberLists are the member lists of a run.
type memberLists struct {
	byImage map[string]*memberList
	waiting int // rows waiting for a list
	size    int // lists and members in memory
	// owned are images of which a share was revoked, which only their owner can do.
	// lastOwned, the last one added, saves a look-up: rows of an image often follow
	// each other.
	owned     map[string]struct{}
	lastOwned string
}

const (
	// maxListed limits the lists and members in memory. The rows of an image are
	// usually close together in a file, so that few lists are needed at a time.
	maxListed = 1 << 20
	// maxOwned limits the images that are remembered as owned.
	maxOwned = 1 << 16
)

func newMemberLists() memberLists {
	return memberLists{byImage: make(map[string]*memberList), owned: make(map[string]struct{})}
}

// own notes that the caller owns the image.
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

// owns reports whether the row's image is known to be the caller's.
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

// bound drops all lists that are not being read when there are too many.
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

// delay holds a row back while the list of its image is read in several pages. It
// reports whether it did.
func (m *memberLists) delay(t *task) bool {
	if t.list != nil {
		return false
	}
	l := m.of(t.row.Pair.ImageID)
	if l == nil || !l.multipage() {
		return false
	}
	l.delayed = append(l.delayed, t)
	m.waiting++
	return true
}

// take removes and returns the rows that wait for a list, or are delayed for it.
func (m *memberLists) take(rows *[]*task) []*task {
	taken := *rows
	*rows = nil
	m.waiting -= len(taken)
	return taken
}

// outdated reports whether l was requested before t's last attempt ended, and does
// not show what that attempt may have done.
func (d *dispatcher) outdated(l *memberList, t *task) bool {
	if t.attempts == 0 || !l.asked.Before(t.ended) {
		return false
	}
	if !t.lost && t.last.Meaning != NotAMember && t.respelled == nil {
		return false // nothing has
	}
	shown := l.members.spellings(t.row.Pair.MemberID)
	if d.op.adds {
		return !slices.Contains(shown, t.row.Pair.MemberID)
	}
	return slices.ContainsFunc(t.respelled.left(shown), func(spelling string) bool {
		// Where letter case does not matter, removing one spelling removes the
		// others, too.
		return t.respelled.removed() || t.hasTried(spelling)
	})
}

// settle settles t's row by the member list of its image, now or once the list has
// been read. A list that could not be read is read again for a later row.
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

// await lets t's row wait for l, and starts a reading unless one is under way.
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

// pageRead handles the final answer to the request for a page: it requests the next
// page, or settles the rows that wait for the list.
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
	for _, row := range d.lists.take(&l.delayed) {
		row.ended = t.ended
		d.again(row, 0)
	}
	for _, waiter := range d.lists.take(&l.waiters) {
		d.settleBy(waiter, l)
	}
	d.lists.bound(l)
}

// abandon ends the reading of l and the rows that wait for it.
func (d *dispatcher) abandon(l *memberList) {
	l.reading = nil
	for _, t := range d.lists.take(&l.delayed) {
		d.giveUp(t)
	}
	for _, t := range d.lists.take(&l.waiters) {
		d.finishUnsettled(t)
	}
}

// finishUnsettled records t's row without the list that it waited for.
func (d *dispatcher) finishUnsettled(t *task) {
	outcome := t.outcome()
	switch {
	case t.attempts == 0, t.respelled.removed(): // for the latter see task.result
		outcome = Skipped
	case t.lost && !outcome.Settled():
		outcome = Unknown
	}
	d.finish(t, outcome, join(t.last.Message, "the run stopped before the member list could be read"))
}

// settleBy records t's row by what l shows, or sends it again in the spelling that l
// has of its member. If l is older than t's last attempt, it is first read again,
// a limited number of times.
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

// A respelled tracks the requests for a row in other spellings of its member than
// that of its pair. It is nil for nearly all rows.
type respelled struct {
	now    string   // the spelling in use
	tried  []string // spellings that were sent
	gone   []string // those of them that were answered with 204
	answer Answer   // the last 204
	budget int      // limit of attempts, over all spellings so far
}

// next switches to another spelling, which has as many attempts again.
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

// left returns the spellings that were not removed.
func (r *respelled) left(spellings []string) []string {
	if r == nil {
		return spellings
	}
	return slices.DeleteFunc(slices.Clone(spellings), func(s string) bool { return slices.Contains(r.gone, s) })
}

// sent returns the pair that t's request is for: its row's, perhaps in another
// spelling.
func (t *task) sent() Pair {
	p := t.row.Pair
	if t.respelled != nil && t.respelled.now != "" {
		p.MemberID = t.respelled.now
	}
	return p
}

// hasTried reports whether t was sent with that spelling.
func (t *task) hasTried(spelling string) bool {
	return t.attempts > 0 && (t.sent().MemberID == spelling || t.respelled != nil && slices.Contains(t.respelled.tried, spelling))
}

// removedNow notes that t's last attempt removed its member.
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

// projects returns the number of projects in the list, or -1 if the list may be
// incomplete.
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
