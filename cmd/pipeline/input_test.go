package pipeline

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

// An inputRow is a row of a random file, and what the program should make of it.
type inputRow struct {
	image, member, note string // as given
	cells               []string
	line                int
	pair                batch.Pair // the zero Pair for a row that cannot be one
	repeats             bool       // an earlier row's pair
}

var (
	memberForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,255}$`)
)

// uuidForm is a UUID however it is spelled, after white space was taken out.
var uuidForm = regexp.MustCompile(`^(?i:urn:uuid:)?(\{?)([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})(\}?)$`)

// quotedForm is what marks a cell as text, after white space was taken out.
var quotedForm = regexp.MustCompile(`^(?:="(.*)"|"(.*)"|'(.*?)'?)$`)

// projectForm is a project id as it is sent.
var projectForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// meant is the pair that two cells mean, and false if they mean none.
func meant(image, member string) (p batch.Pair, ok bool) {
	spaceless := strings.NewReplacer(" ", "", "\t", "", "\u00a0", "", "\u200b", "", "\ufeff", "")
	parts := func(cell string) []string {
		text := quotedForm.ReplaceAllString(spaceless.Replace(cell), "$1$2$3")
		found := uuidForm.FindStringSubmatch(text)
		if found == nil || (found[1] == "") != (found[7] == "") {
			return nil
		}
		return found[2:7]
	}
	if uuid := parts(image); uuid != nil {
		p.ImageID = strings.ToLower(strings.Join(uuid, "-"))
	}
	if uuid := parts(member); uuid != nil {
		p.MemberID = strings.ToLower(strings.Join(uuid, ""))
	} else if name := strings.Trim(member, blanks); memberForm.MatchString(name) {
		p.MemberID = name
	}
	return p, p.ImageID != "" && p.MemberID != ""
}

const (
	blanks = " \t\u00a0\u200b\ufeff" // that may surround an id
	hazard = "?#/.%&=\\@ \t\u00a0\u200b…é中٣0aF-_+'\";|,"
)

// drawID draws an id: one of the pool, perhaps with blanks around it or in
// capitals, or something that must not become part of a request.
func drawID(t *rapid.T, pool, hazards []string, label string) string {
	id := rapid.SampledFrom(pool).Draw(t, label)
	switch rapid.IntRange(0, 30).Draw(t, label+" form") {
	case 20:
		return rapid.SampledFrom(hazards).Draw(t, label+" hazard")
	case 21:
		return id + rapid.StringOfN(rapid.SampledFrom([]rune(hazard)), 1, 6, -1).Draw(t, label+" tail")
	case 22:
		return rapid.StringOfN(rapid.SampledFrom([]rune(hazard)), 0, 12, -1).Draw(t, label+" noise")
	case 23:
		return rapid.StringOfN(rapid.SampledFrom([]rune(blanks)), 0, 3, -1).Draw(t, label+" before") + id + "\u00a0"
	case 24:
		return strings.ToUpper(id)
	case 25:
		return "{" + id + "}"
	case 26:
		return "urn:uuid:" + id
	case 27:
		return strings.ReplaceAll(id, "-", "")
	case 28:
		if len(id) == 32 {
			return id[:8] + "-" + id[8:12] + "-" + id[12:16] + " -" + id[16:20] + "-" + id[20:]
		}
	case 29:
		return `="` + id + `"`
	case 30:
		return "'" + id + "'"
	}
	return id
}

// A dialect is how a file writes its rows.
type dialect struct {
	delimiter string
	lineEnd   string
	names     [2]string // of the columns of image and member
	order     []int     // of image, member and note
	quoteAll  bool
	sep       bool // Excel's first line
	encoding  encoding.Encoding
}

func drawDialect(t *rapid.T) dialect {
	utf16 := func(e unicode.Endianness) encoding.Encoding { return unicode.UTF16(e, unicode.UseBOM) }
	return dialect{
		delimiter: rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "delimiter"),
		lineEnd:   rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end"),
		names:     rapid.SampledFrom([][2]string{{"image_id", "member_id"}, {"Image ID", "MEMBER-ID"}, {"镜像ID", "成员ID"}}).Draw(t, "names"),
		order:     rapid.Permutation([]int{0, 1, 2}).Draw(t, "order"),
		quoteAll:  rapid.Bool().Draw(t, "all quoted"),
		sep:       rapid.Bool().Draw(t, "sep="),
		encoding: rapid.SampledFrom([]encoding.Encoding{
			unicode.UTF8, unicode.UTF8BOM, utf16(unicode.LittleEndian), utf16(unicode.BigEndian), simplifiedchinese.GB18030,
		}).Draw(t, "encoding"),
	}
}

// write writes the rows and notes the line of each.
func (d dialect) write(rows []inputRow, blankLines map[int]bool) ([]byte, error) {
	var b strings.Builder
	if d.sep {
		b.WriteString("sep=" + d.delimiter + d.lineEnd)
	}
	note := "note"
	if d.encoding == simplifiedchinese.GB18030 { // which is a guess, so that the file must be Chinese
		note = strings.Repeat("备注", 1000)
	}
	d.writeRow(&b, d.ordered(d.names[0], d.names[1], note))
	for i := range rows {
		if blankLines[i] {
			b.WriteString(d.lineEnd)
		}
		rows[i].line = strings.Count(b.String(), "\n") + 1
		d.writeRow(&b, rows[i].cells)
	}
	return d.encoding.NewEncoder().Bytes([]byte(b.String()))
}

func (d dialect) writeRow(b *strings.Builder, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(d.delimiter)
		}
		if d.quoteAll || cell == "" || strings.ContainsAny(cell, d.delimiter+"\"\n"+blanks) {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		b.WriteString(cell)
	}
	b.WriteString(d.lineEnd)
}

func (d dialect) ordered(image, member, note string) []string {
	cells := []string{image, member, note}
	return []string{cells[d.order[0]], cells[d.order[1]], cells[d.order[2]]}
}

// drawRows draws the rows of a file.
func drawRows(t *rapid.T, d dialect, images, members []string) []inputRow {
	badImages := []string{"", "..", "%2e%2e", images[0] + "?", images[0] + "#", images[1] + "/members/..", images[1] + "/../" + images[2],
		"1.23E+31", "{" + images[0], "=HYPERLINK(A1)", images[0][:35] + "٣", `"` + images[2] + `"`}
	badMembers := []string{"", ".", "..", "\u200b..", "%2e%2e", "a/b", "a?b", "a#b", "../../" + images[3], "@SUM(A1)", "4.5E+9", strings.Repeat("a", 256)}
	rows := make([]inputRow, rapid.IntRange(0, 40).Draw(t, "rows"))
	seen := make(map[batch.Pair]bool)
	for i := range rows {
		r := &rows[i]
		r.image, r.member = drawID(t, images, badImages, "image"), drawID(t, members, badMembers, "member")
		r.note = fmt.Sprintf(rapid.SampledFrom([]string{"n%d", "=n%d", "n%d;,|\t\"x\"", "n%d\nand more"}).Draw(t, "note"), i)
		r.cells = d.ordered(r.image, r.member, r.note)
		p, ok := meant(r.image, r.member)
		certain := projectForm.MatchString(p.MemberID) && strings.Count(r.image, "-") >= 4
		switch {
		case d.order[2] == 2 && rapid.IntRange(0, 15).Draw(t, "short") == 9 && strings.Trim(r.image+r.member, blanks) != "":
			r.cells, r.note = r.cells[:2], ""
			ok = ok && certain
		default:
			switch rapid.IntRange(0, 15).Draw(t, "long") {
			case 8:
				r.cells = append(r.cells, "", " ")
				ok = ok && certain
			case 9:
				r.cells = append(r.cells, "", "surplus")
				ok = false
			}
		}
		if ok {
			r.pair = p
			p.MemberID = strings.ToLower(p.MemberID)
			r.repeats, seen[p] = seen[p], true
		}
	}
	return rows
}
