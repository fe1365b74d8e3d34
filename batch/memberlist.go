package batch

import (
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"
)

// A memberList is the member list of one image: unread, being read, or read.
//
// A list in several pages is not a snapshot. If pages begin at an offset, members
// removed from earlier pages move the others forward, and some of them appear on
// no page. If pages begin after a marker, the removal of the marker's member may
// cut the list short. Either way a member that an earlier page has shown is
// removed while the list is read, and a second reading does not show it. So a
// list in several pages is complete when two consecutive readings show the same
// members. (The exception is a member that is removed and shared again in
// between.) To let the readings agree, no row of the image is sent meanwhile.
//
// If one way to request the next page fails, another one is tried. A server that
// does not understand it may take it for a marker further down the list and skip
// members. So that way must first lead to a known page: see Page.Control.
type memberList struct {
	imageID string
	image   *Image  // if the list is read for its own sake, see imageList
	number  int     // likewise, see MemberList
	waiters []*task // rows to be settled by the list
	delayed []*task // rows not to be sent while the list is read

	// The result of the last complete reading:
	read    bool
	answer  Answer     // it means Listed if the list could be read
	members *memberSet // nil if it could not be read
	gap     string     // why members may be missing, empty if the list is complete
	ownOnly bool       // see Page.OwnOnly
	// The reading ran from asked to at.
	asked, at time.Time

	reading *reading // nil unless the list is being read
	// failures and rereads count the additional readings for later rows.
	failures, rereads int
}

// A reading is a member list that is being read.
type reading struct {
	cursors []Cursor // of the next page; see Page.Next
	form    int      // the index of the one in use
	pages   int
	members *memberSet
	ownOnly bool
	asked   time.Time
	// before are the members that the reading before has shown, nil in the first
	// one; round counts the readings.
	before *memberSet
	round  int

	// control is Page.Control of the page before, second the member that the page
	// must begin with.
	control Cursor
	second  string
	// doubted is a page that was requested in another way than the first, while the
	// control request is in flight; understood is set once that has confirmed it.
	doubted    *Page
	understood bool
}

const (
	// maxMembers limits the members of one list in memory, and maxPages the requests
	// for one reading. A longer list is incomplete.
	maxMembers = 1 << 20
	maxPages   = 1 << 12
	// http400 is the status that refuses a marker.
	http400 = 400
	// maxRounds limits the readings of a list that keeps changing.
	maxRounds = 6
	// maxRereads limits the additional readings of a list that is older than an
	// answer it contradicts, and maxFailures those of a list that could not be read.
	maxRereads  = 8
	maxFailures = 3
)

// cursor returns the cursor of the next request.
func (r *reading) cursor() Cursor {
	switch {
	case r.doubted != nil:
		return r.control
	case len(r.cursors) == 0:
		return ""
	}
	return r.cursors[min(r.form, len(r.cursors)-1)]
}

// nextForm switches to another way to request the same page, if there is one.
func (r *reading) nextForm() bool {
	if r.form+1 >= len(r.cursors) {
		return false
	}
	r.form++
	return true
}

// next is where the next page of the list begins. The worker that reads the page
// calls it, while nobody else touches the reading.
func (l *memberList) next() Cursor {
	return l.reading.cursor()
}

// start begins a reading.
func (l *memberList) start(now time.Time) {
	l.reading = &reading{members: newMemberSet(), asked: now, round: 1}
}

// multipage reports whether the list is being read and has several pages.
func (l *memberList) multipage() bool {
	return l.reading != nil && (l.reading.before != nil || l.reading.pages > 0)
}

// take handles the answer to the request for a page. It reports whether another
// request follows, after a pause; otherwise the reading has ended.
func (l *memberList) take(t *task, p Page) (pause time.Duration, more bool) {
	r := l.reading
	if r.pages == 0 && r.before == nil {
		r.asked = t.started
	}
	l.answer, l.at = t.last, t.ended
	listed := t.last.Meaning == Listed
	const unclear = "there is no known way to request page %d"
	switch {
	case r.doubted != nil && (!listed || len(p.Members) == 0 || p.Members[0].ID != r.second):
		return l.end(fmt.Sprintf(unclear, r.pages+1))
	case r.doubted != nil:
		doubted := *r.doubted
		r.doubted, r.understood = nil, true
		return l.follow(t, doubted)
	case !listed && r.pages > 0 && t.last.Status == http400 && r.nextForm():
		return 0, true
	case !listed && (r.pages > 0 || r.before != nil):
		return l.end(fmt.Sprintf("page %d cannot be read: %s", r.pages+1, t.last.Message))
	case !listed:
		return l.end("")
	}
	added := r.members.add(p.Members)
	otherwise := r.form > 0 && !r.understood
	switch {
	case r.pages > 0 && added == 0 && (len(p.Members) > 0 || len(p.Next) > 0 || otherwise):
		if r.nextForm() {
			return 0, true
		}
		return l.end(fmt.Sprintf("page %d shows nothing new", r.pages+1))
	case otherwise && r.control == "":
		return l.end(fmt.Sprintf(unclear, r.pages+1))
	case otherwise:
		r.doubted = &p
		return 0, true
	}
	return l.follow(t, p)
}

// follow continues after a page whose members were added.
func (l *memberList) follow(t *task, p Page) (pause time.Duration, more bool) {
	r := l.reading
	r.ownOnly = p.OwnOnly && r.pages == 0
	r.pages++
	switch {
	case p.Gap != "":
		return l.end(p.Gap)
	case r.members.len() > maxMembers:
		return l.end(fmt.Sprintf("it has more than %d members", maxMembers))
	case len(p.Next) > 0 && r.pages == maxPages:
		return l.end(fmt.Sprintf("it has more than %d pages", maxPages))
	case len(p.Next) > 0:
		r.cursors, r.control = p.Next, ""
		if len(p.Members) > 1 {
			r.control, r.second = p.Control, p.Members[1].ID
		}
		return 0, true
	case r.pages == 1 && r.before == nil, r.members.equal(r.before):
		return l.end("")
	case r.round == maxRounds:
		return l.end("it changed each time it was read")
	}
	if r.before != nil {
		pause = InitialBackoff << r.round
	}
	l.reading = &reading{members: newMemberSet(), asked: t.ended, before: r.members, round: r.round + 1}
	if l.image != nil {
		l.reading.members.keep()
	}
	return pause, true
}

// end ends the reading. gap is why members may be missing, or empty.
func (l *memberList) end(gap string) (pause time.Duration, more bool) {
	r := l.reading
	l.reading, l.read, l.gap = nil, true, gap
	l.ownOnly, l.asked, l.members = r.ownOnly, r.asked, nil
	switch {
	case gap != "" && r.before != nil:
		l.answer.Meaning, l.members = Listed, r.before // a full reading
	case r.pages > 0:
		l.answer.Meaning, l.members = Listed, r.members
	case l.answer.Meaning.transient():
		l.failures++
	}
	return 0, false
}

// listed reports whether the list could be read, at least in part.
func (l *memberList) listed() bool { return l.members != nil }

// otherType returns the type of the row's member if the list has it, but not as a
// project.
func (l *memberList) otherType(row *Row) MemberType {
	if t := l.members.otherType(row.Pair.MemberID); t != "" && len(l.members.spellings(row.Pair.MemberID)) == 0 {
		return t
	}
	return ""
}

// gapNote returns why the list proves nothing about a member that it does not show,
// or nothing if it does prove that the member is absent. owned is set if the image
// is known to be the caller's.
func (l *memberList) gapNote(owned bool) string {
	switch {
	case l.gap != "":
		return "the member list is incomplete: " + l.gap
	case l.ownOnly && !owned:
		return mayHide
	}
	return ""
}

// A memberSet is a set of the members of an image. Project ids in Keystone's
// spelling, nearly all of them, take 16 bytes each.
type memberSet struct {
	projects map[[16]byte]struct{}
	// respelled are all other ids of projects, as spelled, by MemberKey.
	respelled map[string][]string
	// others are the members that are not projects, by MemberKey.
	others map[string]MemberType
	// kept are the members in full, nil unless they are needed.
	kept *keptMembers

	size int
	sum  uint64 // of the hashes of all entries
}

// memberSeed is the same for all sets, so that their sums can be compared.
var memberSeed = maphash.MakeSeed()

func newMemberSet() *memberSet {
	return &memberSet{
		projects:  make(map[[16]byte]struct{}),
		respelled: make(map[string][]string),
		others:    make(map[string]MemberType),
	}
}

func (s *memberSet) len() int { return s.size }

// equal reports whether the two sets have the same members.
func (s *memberSet) equal(other *memberSet) bool {
	return other != nil && s.size == other.size && s.sum == other.sum
}

// add adds members and returns how many of them are new.
func (s *memberSet) add(members []Member) (added int) {
	for _, m := range members {
		fresh := s.addOne(m)
		if s.kept != nil {
			fresh = s.kept.add(m)
		}
		if fresh {
			added++
			s.sum += maphash.String(memberSeed, string(m.Type)+"\n"+m.ID)
		}
	}
	s.size += added
	return added
}

func (s *memberSet) addOne(m Member) bool {
	if m.Type != "" {
		key := MemberKey(m.ID)
		_, known := s.others[key]
		s.others[key] = m.Type
		return !known
	}
	if id, ok := projectBytes(m.ID); ok {
		_, known := s.projects[id]
		s.projects[id] = struct{}{}
		return !known
	}
	key := MemberKey(m.ID)
	if slices.Contains(s.respelled[key], m.ID) {
		return false
	}
	s.respelled[key] = append(s.respelled[key], m.ID)
	return true
}

// projectBytes returns the 128 bits of a project id in Keystone's spelling.
func projectBytes(id string) (bits [16]byte, ok bool) {
	if !IsProjectID(id) {
		return bits, false
	}
	_, err := hex.Decode(bits[:], []byte(id))
	return bits, err == nil
}

// spellings returns the ids in the set that name the member, as they are spelled
// there, leaving out accounts and organizations.
func (s *memberSet) spellings(memberID string) []string {
	var found []string
	if id, ok := projectBytes(memberID); ok {
		if _, ok := s.projects[id]; ok {
			found = append(found, memberID)
		}
	}
	if len(s.respelled) > 0 {
		found = append(found, s.respelled[MemberKey(memberID)]...)
	}
	return found
}

// otherType returns the type of a member in the set that is not a project.
func (s *memberSet) otherType(memberID string) MemberType {
	if len(s.others) == 0 {
		return ""
	}
	return s.others[MemberKey(memberID)]
}

// alsoSharedWith lists the members that are not projects, or returns nothing if
// there are none.
func (s *memberSet) alsoSharedWith() string {
	if len(s.others) == 0 {
		return ""
	}
	byType := make(map[MemberType][]string)
	for id, t := range s.others {
		byType[t] = append(byType[t], id)
	}
	var words []string
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		if ids := byType[t]; len(ids) == 1 {
			words = append(words, fmt.Sprintf("the %s %s", t.word(), ids[0]))
		} else {
			words = append(words, fmt.Sprintf("%d %ss", len(ids), t.word()))
		}
	}
	return strings.Join(words, " and ")
}

// word is what users call the type.
func (t MemberType) word() string {
	if t == Account {
		return "account"
	}
	return string(t)
}

// similar returns at most two project ids in the set that a damaged id may stem
// from: one that was cut at either end, lost its leading zeros, or was rounded.
func (s *memberSet) similar(memberID string) []string {
	const (
		shortest = 8      // digits; fewer are a part of too many ids
		most     = 2      // results
		looked   = 10_000 // ids
	)
	part := strings.ToLower(memberID)
	rounded := isRounded(part)
	if rounded {
		part = part[:spreadsheetDigits-1] // the last digit that is kept is rounded itself
	}
	if len(part) >= 32 || !isHex(part) || len(s.projects) > looked {
		return nil
	}
	var found []string
	for bits := range s.projects {
		id := hex.EncodeToString(bits[:])
		switch {
		case strings.TrimLeft(id, "0") == part:
		case len(part) >= shortest && strings.HasPrefix(id, part):
		case len(part) >= shortest && !rounded && strings.HasSuffix(id, part):
		default:
			continue
		}
		found = append(found, id)
	}
	slices.Sort(found)
	return found[:min(len(found), most)]
}
