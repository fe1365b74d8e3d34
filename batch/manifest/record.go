package manifest

import (
	"strings"

	"imsrevoke/batch"
)

// A record is one row, its cells sorted by their columns.
type record struct {
	ImageID  cell  `csv:"image_id"`
	MemberID cell  `csv:"member_id"`
	Other    cells `csv:"other"`
	// Surplus are the cells beyond the header, the first maxSurplus of them.
	Surplus surplus `csv:"surplus"`
}

// maxSurplus limits the cells of a row beyond the header. A spreadsheet writes empty ones
// for columns that were once in use.
const maxSurplus = 1000

// fields returns the name of the field of a record for each column of the header, and for
// the cells beyond it. All other columns have the same name, so that the cells of repeated
// and unnamed columns are kept in their order.
func (l layout) fields([]string) []string {
	names := make([]string, len(l.header)+maxSurplus+1)
	for i := range names {
		names[i] = "other"
		if i >= len(l.header) {
			names[i] = "surplus"
		}
	}
	if l.image >= 0 {
		names[l.image] = "image_id"
	}
	names[l.member] = "member_id"
	return names
}

// A cell is the cell of an id.
type cell struct {
	text    string
	present bool // the row has it
}

// UnmarshalCSV is called by gocsv.
func (c *cell) UnmarshalCSV(text string) error {
	c.text, c.present = text, true
	return nil
}

// cells are those of several columns.
type cells []string

// UnmarshalCSV is called by gocsv once for each of the columns.
func (c *cells) UnmarshalCSV(text string) error {
	*c = append(*c, text)
	return nil
}

// A surplus is what is kept of the cells beyond the header.
type surplus struct {
	cells int
	text  string // of the first one that is not blank
	size  int    // bytes of the longest
}

// UnmarshalCSV is called by gocsv once for each of the cells.
func (s *surplus) UnmarshalCSV(text string) error {
	s.cells++
	s.size = max(s.size, len(text))
	if s.text == "" && batch.TrimID(text) != "" {
		s.text = text
	}
	return nil
}

// harmless reports whether all cells beyond the header are empty.
func (s *surplus) harmless() bool { return s.text == "" && s.cells <= maxSurplus }

// count is the number of cells that the header has a column for.
func (r *record) count() int {
	n := len(r.Other)
	for _, c := range []cell{r.ImageID, r.MemberID} {
		if c.present {
			n++
		}
	}
	return n
}

// blank reports whether the row has only delimiters and white space.
func (r *record) blank() bool {
	return r.Surplus.harmless() && batch.TrimID(r.ImageID.text) == "" && batch.TrimID(r.MemberID.text) == "" && allBlank(r.Other)
}

// cells returns the cells in the order of the columns of l.
func (r *record) cells(l layout) []string {
	cells, rest := make([]string, 0, len(l.header)), r.Other
	for i := range l.header {
		switch {
		case i == l.image:
			cells = append(cells, r.ImageID.text)
		case i == l.member:
			cells = append(cells, r.MemberID.text)
		case len(rest) > 0:
			cells, rest = append(cells, rest[0]), rest[1:]
		}
	}
	return cells
}

// afterReturn returns the text after the first carriage return that has text after it.
func (r *record) afterReturn() (text string, found bool) {
	for _, cell := range [...]string{r.ImageID.text, r.MemberID.text, r.Surplus.text} {
		if text, found = afterReturn(cell); found {
			return text, true
		}
	}
	for _, cell := range r.Other {
		if text, found = afterReturn(cell); found {
			return text, true
		}
	}
	return "", false
}

func afterReturn(cell string) (text string, found bool) {
	at := strings.IndexByte(cell, '\r')
	if at < 0 {
		return "", false
	}
	text = cell[at+1:]
	return text, strings.Trim(text, "\r") != ""
}

func (r *record) longest() int {
	n := max(len(r.ImageID.text), len(r.MemberID.text), r.Surplus.size)
	for _, c := range r.Other {
		n = max(n, len(c))
	}
	return n
}
