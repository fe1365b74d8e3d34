package manifest

import "imsrevoke/batch"

// A record is one row, its cells sorted by their columns.
type record struct {
	ImageID  cell  `csv:"image_id"`
	MemberID cell  `csv:"member_id"`
	Other    cells `csv:"other"`
	// Surplus is the first cell beyond the header.
	Surplus cell `csv:"surplus"`
}

// fields names the field of a record for each column of the header, and for
// one column more. All that is no id goes by the same name, so that the cells
// of repeated and unnamed columns are kept, in their order.
func (l layout) fields([]string) []string {
	names := make([]string, len(l.header)+1)
	for i := range l.header {
		names[i] = "other"
	}
	if l.image >= 0 {
		names[l.image] = "image_id"
	}
	names[l.member], names[len(l.header)] = "member_id", "surplus"
	return names
}

// place makes the record of a row that gocsv makes with the fields of l.
func (l layout) place(row []string) record {
	others := len(l.header) - 2
	if l.image < 0 {
		others++
	}
	rec := record{Other: make(cells, 0, others)}
	for i, text := range row {
		switch {
		case i == l.image:
			rec.ImageID = cell{text, true}
		case i == l.member:
			rec.MemberID = cell{text, true}
		case i < len(l.header):
			rec.Other = append(rec.Other, text)
		case i == len(l.header):
			rec.Surplus = cell{text, true}
		}
	}
	return rec
}

// A cell is one cell, if the row has it.
type cell struct {
	text  string
	given bool
}

// UnmarshalCSV is called by gocsv.
func (c *cell) UnmarshalCSV(text string) error {
	c.text, c.given = text, true
	return nil
}

// cells are those of several columns.
type cells []string

// UnmarshalCSV is called by gocsv once for each of the columns.
func (c *cells) UnmarshalCSV(text string) error {
	*c = append(*c, text)
	return nil
}

// count is the number of cells that the header has a column for.
func (r *record) count() int {
	n := len(r.Other)
	for _, c := range []cell{r.ImageID, r.MemberID} {
		if c.given {
			n++
		}
	}
	return n
}

// blank reports whether the row is nothing but delimiters and white space.
func (r *record) blank() bool {
	return !r.Surplus.given && batch.TrimID(r.ImageID.text) == "" && batch.TrimID(r.MemberID.text) == "" && allBlank(r.Other)
}

func (r *record) longest() int {
	n := max(len(r.ImageID.text), len(r.MemberID.text), len(r.Surplus.text))
	for _, c := range r.Other {
		n = max(n, len(c))
	}
	return n
}
