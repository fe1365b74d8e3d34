package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"imsrevoke/batch"
)

// ErrNothingSelected says that no row is one that [Options.Select] asks for. It
// is wrapped by an [*Error] that names what there is instead.
var ErrNothingSelected = errors.New("nothing selected")

// A Selection chooses rows of a file: those that agree with every part of it
// that is set. The zero Selection chooses all of them.
//
// Rows that are not chosen are as if they did not stand in the file. The file
// as a whole is judged by all of its rows all the same.
type Selection struct {
	// Shard is a part of the chosen rows, to share the work among machines.
	Shard Shard
	// Images and Members hold the ids that a row must have one of, in any
	// spelling. An id that no row has refuses the file.
	Images, Members []string
	// Column is the name of a column besides those of the ids, and Value what
	// its cell must be. Expected says what kind of file has such a column, for
	// the refusal of one that has not.
	Column, Value, Expected string
}

// A Shard is the part with this Index, counted from 0, of Count parts of a
// file. A Count of 0 stands for the whole.
//
// Which part a row belongs to is decided by its two ids alone, so that equal
// pairs in the same spelling meet in one part: the first eight bytes of the SHA-256 of the image id,
// a line feed and the member id, both trimmed and in lower case, taken as a
// big-endian number, modulo Count. This never changes: the parts of one file
// may be taken by different versions of the program.
type Shard struct{ Index, Count int }

// String returns "0/4" for the first of four parts, and "" for the whole.
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// of reports whether the row belongs to the part.
func (s Shard) of(row batch.Row) bool {
	if s.Count <= 1 {
		return true
	}
	var room [128]byte
	key := append(room[:0], foldID(row.ImageID)...)
	key = append(key, '\n')
	key = append(key, foldID(row.MemberID)...)
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:])%uint64(s.Count) == uint64(s.Index)
}

// foldID reduces an id to what decides its shard.
func foldID(id string) string { return strings.ToLower(batch.TrimID(id)) }

// A selector is a Selection made ready for a file.
type selector struct {
	Selection
	// images and members are the keys of the ids, nil when any will do.
	images, members map[string]bool
	// column is the index of Column among Manifest.Columns.
	column int
}

// newSelector returns nil for a Selection of everything.
func (m *Manifest) newSelector(s Selection) (*selector, error) {
	switch {
	case s.Shard.Count < 0 || s.Shard.Index < 0 || s.Shard.Index >= max(s.Shard.Count, 1):
		return nil, m.refuse(0, fmt.Sprintf("it has no part %d/%d", s.Shard.Index, s.Shard.Count), "the parts are counted from 0")
	case s.Shard.Count == 0 && len(s.Images)+len(s.Members) == 0 && s.Column == "":
		return nil, nil
	}
	sel := &selector{Selection: s, images: keySet(s.Images, batch.ImageKey), members: keySet(s.Members, batch.MemberKey)}
	if s.Column != "" {
		var err error
		if sel.column, err = m.otherColumn(s); err != nil {
			return nil, err
		}
	}
	return sel, nil
}

func keySet(ids []string, key func(string) string) map[string]bool {
	if len(ids) == 0 {
		return nil
	}
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[key(id)] = true
	}
	return set
}

// otherColumn finds the column that the Selection names.
func (m *Manifest) otherColumn(s Selection) (int, error) {
	found := -1
	for i, name := range m.Columns {
		switch {
		case fold(name) != fold(s.Column):
		case found >= 0:
			return 0, m.refuse(m.layout.line, fmt.Sprintf("two columns are called %q", name), "leave one of them out")
		default:
			found = i
		}
	}
	if found < 0 {
		refusal := m.refuse(m.layout.line, fmt.Sprintf("there is no column %q; the header has %s", s.Column, listCells(m.layout.header)), "")
		if s.Expected != "" {
			refusal.Hint = "name " + s.Expected
		}
		refusal.Err = errNoColumn
		return 0, refusal
	}
	return found, nil
}

// matches reports whether the row is chosen when the Shard is left aside. A nil
// selector chooses every row.
func (s *selector) matches(row batch.Row, other []string) bool {
	switch {
	case s == nil:
		return true
	case s.images != nil && !s.images[batch.ImageKey(row.ImageID)]:
		return false
	case s.members != nil && !s.members[batch.MemberKey(row.MemberID)]:
		return false
	}
	return s.Column == "" || batch.TrimID(other[s.column]) == s.Value
}

// selects reports whether the row is chosen.
func (s *selector) selects(row batch.Row, other []string) bool {
	return s == nil || s.matches(row, other) && s.Shard.of(row)
}
