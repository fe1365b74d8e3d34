package manifest

import (
	"fmt"
	"slices"
	"strings"

	"imsrevoke/batch"
)

// wantedIDs returns the ids that some row must have.
func (s *selector) wantedIDs() (ids []*wantedID) {
	if s == nil {
		return nil
	}
	for _, id := range s.Images {
		ids = append(ids, &wantedID{role: imageRole, other: memberRole, id: id, key: batch.ImageKey, wanted: batch.ImageKey(id)})
	}
	for _, id := range s.Members {
		ids = append(ids, &wantedID{role: memberRole, other: imageRole, id: id, key: batch.MemberKey, wanted: batch.MemberKey(id)})
	}
	return ids
}

// checkSelection refuses a file if no row is chosen, or no row has one of the given ids:
// the user expects it there. The error names what is similar.
func (m *Manifest) checkSelection(wanted []*wantedID) error {
	s := m.selector
	if s == nil {
		return nil
	}
	for _, id := range wanted {
		if !id.found {
			return m.refuseNothing(fmt.Sprintf("no row has the %s %s", id.role.what, id.id), id.hint())
		}
	}
	switch {
	case m.UncutRows > 0:
		return nil
	case len(s.Where) == 0:
		return m.refuseNothing("no row has both a chosen image and a chosen member", "look at the rows of each of them")
	}
	for _, c := range s.Where {
		for _, v := range m.Values {
			if fold(v.Column) == fold(c.Column) && v.Others == 0 && !slices.ContainsFunc(v.Counts, func(n ValueCount) bool { return c.matches(n.Value) }) {
				return m.refuseNothing(fmt.Sprintf("no row has %q in the column %q", c.Value, v.Column), "it has: "+v.String())
			}
		}
	}
	return m.refuseNothing("no row meets all conditions", "give fewer conditions")
}

func (m *Manifest) refuseNothing(problem, hint string) *Error {
	refusal := m.refuse(0, problem, hint)
	refusal.Err = ErrNothingSelected
	return refusal
}

// A wantedID is an id that some row must have, and the most similar one.
type wantedID struct {
	role, other role
	id          string
	key         func(string) string // makes ids comparable
	wanted      string              // the key of id
	found       bool
	otherLine   int // where the id is in the other column
	near        string
	nearLine    int
	similarity  int // of near, in characters
}

// compare compares the id with those of a row.
func (s *wantedID) compare(row batch.Row) {
	cell, otherCell := row.ImageID, row.MemberID
	if s.role.what == memberRole.what {
		cell, otherCell = otherCell, cell
	}
	if s.found {
		return
	}
	cell = s.key(cell)
	switch {
	case cell == s.wanted:
		s.found = true
	case s.key(otherCell) == s.wanted:
		if s.otherLine == 0 {
			s.otherLine = row.Line
		}
	default:
		if n := commonAffixes(cell, s.wanted); n > s.similarity {
			s.near, s.nearLine, s.similarity = strings.Clone(cell), row.Line, n
		}
	}
}

func (s *wantedID) hint() string {
	const similar = 2 // thirds of an id
	switch {
	case s.otherLine > 0:
		return fmt.Sprintf("it is the %s of line %d", s.other.what, s.otherLine)
	case 3*s.similarity >= similar*len(s.wanted):
		return fmt.Sprintf("line %d has %s", s.nearLine, s.near)
	}
	return "compare it with the ids in the file"
}

// commonAffixes counts the characters that a and b have in common before and after what
// differs.
func commonAffixes(a, b string) int {
	most := min(len(a), len(b))
	n := 0
	for n < most && a[n] == b[n] {
		n++
	}
	head := n
	for n < most && a[len(a)-1-(n-head)] == b[len(b)-1-(n-head)] {
		n++
	}
	return n
}
