package manifest

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"imsrevoke/batch"
)

// ErrNothingSelected says that [Options.Select] chooses no row. It is wrapped by an
// [*Error] that suggests what there is instead.
var ErrNothingSelected = errors.New("nothing selected")

// A Selection chooses the rows of a file that match all of its fields that are set. The
// zero Selection chooses all rows.
//
// Rows that are not chosen are ignored, except that the file as a whole is validated with
// all of its rows.
type Selection struct {
	// Shard is a part of the chosen rows, to distribute them among machines.
	Shard Shard
	// Images and Members are the ids of which a row must have one, in any spelling. If no
	// row has one of them, the file is refused.
	Images, Members []string
	// Where are conditions on other columns, all of which must hold. If no row has one
	// of the values, the file is refused.
	Where []Condition
}

// A Condition requires a value in a column other than those of the ids. Letter case and
// blanks around the value do not matter; an empty Value requires an empty cell.
type Condition struct {
	Column, Value string
	// Expected describes a file with such a column, for the error if there is none.
	Expected string
}

func (c Condition) matches(cell string) bool {
	return strings.EqualFold(batch.TrimID(cell), batch.TrimID(c.Value))
}

// Values counts the values of a column over all rows of the file, in lower case and
// without blanks around them, the most frequent first.
type Values struct {
	Column string
	Counts []ValueCount
	// Others is how many rows have further values, which are not counted one by one.
	Others int

	index int // of the column among Manifest.Columns
}

// A ValueCount is how many Rows have a Value.
type ValueCount struct {
	Value string
	Rows  int
}

// String returns a text such as "revoke 120, keep 8366, empty 14".
func (v Values) String() string {
	var words []string
	for _, c := range v.Counts {
		words = append(words, fmt.Sprintf("%s %d", cmp.Or(c.Value, "empty"), c.Rows))
	}
	if v.Others > 0 {
		words = append(words, fmt.Sprintf("others %d", v.Others))
	}
	return strings.Join(words, ", ")
}

const (
	// maxValues limits the values of a column that are counted one by one, maxValue the
	// bytes of each.
	maxValues = 20
	maxValue  = 60
)

// add counts the value of a cell.
func (v *Values) add(cell string) {
	cell = strings.ToLower(batch.TrimID(cell))
	for i := range v.Counts {
		if v.Counts[i].Value == cell {
			v.Counts[i].Rows++
			return
		}
	}
	if len(v.Counts) == maxValues || len(cell) > maxValue {
		v.Others++
		return
	}
	v.Counts = append(v.Counts, ValueCount{strings.Clone(cell), 1})
}

// sort puts the most frequent value first, and the empty one last.
func (v *Values) sort() {
	slices.SortStableFunc(v.Counts, func(a, b ValueCount) int {
		if (a.Value == "") != (b.Value == "") {
			return cmp.Compare(len(b.Value), len(a.Value))
		}
		return cmp.Compare(b.Rows, a.Rows)
	})
}

// A Shard is the part with this Index, counted from 0, of Count parts of a file. A Count
// of 0 means the whole file.
//
// The shard of a row depends only on its two ids, so that equal pairs in the same spelling
// are in the same shard: it is the first eight bytes of the SHA-256 of the image id, a
// line feed and the member id, both trimmed and in lower case, as a big-endian number,
// modulo Count. This never changes, since the shards of one file may be processed by
// different versions of the program.
type Shard struct{ Index, Count int }

// String returns "0/4" for the first of four shards, and "" for the whole file.
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// ParseShard parses what String returns, except "".
func ParseShard(text string) (s Shard, err error) {
	if n, err := fmt.Sscanf(text+"\n", "%d/%d\n", &s.Index, &s.Count); n != 2 || err != nil || s.Index < 0 || s.Index >= s.Count {
		return Shard{}, fmt.Errorf("%q is not a shard such as 0/4", text)
	}
	return s, nil
}

// of reports whether the row belongs to the shard.
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

// foldID normalizes an id for Shard.
func foldID(id string) string { return strings.ToLower(batch.TrimID(id)) }

// A selector is a Selection prepared for a file.
type selector struct {
	Selection
	// images and members are the keys of the ids, nil if all are chosen.
	images, members map[string]bool
	// columns are the indexes of the Columns of Where among Manifest.Columns.
	columns []int
}

// newSelector returns nil for the zero Selection.
func (m *Manifest) newSelector(s Selection) (*selector, error) {
	switch {
	case s.Shard.Count < 0 || s.Shard.Index < 0 || s.Shard.Index >= max(s.Shard.Count, 1):
		return nil, m.refuse(0, fmt.Sprintf("there is no shard %d/%d", s.Shard.Index, s.Shard.Count), "shards are numbered from 0")
	case s.Shard.Count == 0 && len(s.Images)+len(s.Members)+len(s.Where) == 0:
		return nil, nil
	}
	sel := &selector{Selection: s, images: batch.KeySet(s.Images, batch.ImageKey), members: batch.KeySet(s.Members, batch.MemberKey)}
	for _, c := range s.Where {
		column, err := m.otherColumn(c)
		if err != nil {
			return nil, err
		}
		sel.columns = append(sel.columns, column)
		if !slices.ContainsFunc(m.Values, func(v Values) bool { return v.index == column }) {
			m.Values = append(m.Values, Values{Column: m.Columns[column], index: column})
		}
	}
	return sel, nil
}

// otherColumn finds the column that the Condition names.
func (m *Manifest) otherColumn(c Condition) (int, error) {
	found := -1
	for i, name := range m.Columns {
		switch {
		case fold(name) != fold(c.Column):
		case found >= 0:
			return 0, m.refuse(m.layout.line, fmt.Sprintf("two columns are called %q", name), "leave one of them out")
		default:
			found = i
		}
	}
	if found < 0 {
		refusal := m.refuse(m.layout.line, fmt.Sprintf("there is no column %q; the header has %s", c.Column, listCells(m.layout.header)), "")
		switch name := fold(c.Column); {
		case c.Expected != "":
			refusal.Hint = "name " + c.Expected
		case name == fold(m.ImageColumn):
			refusal.Hint = "choose an image with --image"
		case name == fold(m.MemberColumn):
			refusal.Hint = "choose a member with --member"
		}
		refusal.Err = errNoColumn
		return 0, refusal
	}
	return found, nil
}

// matches reports whether the row is chosen, in this Shard or another one. A nil selector
// chooses every row.
func (s *selector) matches(row batch.Row, other []string) bool {
	switch {
	case s == nil:
		return true
	case s.images != nil && !s.images[batch.ImageKey(row.ImageID)]:
		return false
	case s.members != nil && !s.members[batch.MemberKey(row.MemberID)]:
		return false
	}
	for i, c := range s.Where {
		if !c.matches(other[s.columns[i]]) {
			return false
		}
	}
	return true
}
