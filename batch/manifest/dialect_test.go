package manifest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

// A dialect is one way to write rows as a CSV file.
type dialect struct {
	delimiter   string
	preamble    bool
	lineEnd     string
	lastLineEnd bool
	charset     string
	mark        bool
	quoteAll    bool
	header      []string
	image       int // column
	member      int
}

var dialects = rapid.Custom(func(t *rapid.T) dialect {
	d := dialect{
		delimiter:   rapid.SampledFrom([]string{",", ";", "\t", "|"}).Draw(t, "delimiter"),
		preamble:    rapid.Bool().Draw(t, "preamble"),
		lineEnd:     rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end"),
		lastLineEnd: rapid.Bool().Draw(t, "last line end"),
		charset:     rapid.SampledFrom([]string{"utf-8", "utf-16le", "utf-16be", "gb18030"}).Draw(t, "charset"),
		mark:        rapid.Bool().Draw(t, "mark"),
		quoteAll:    rapid.Bool().Draw(t, "quote all"),
		header:      rapid.SliceOfN(rapid.SampledFrom([]string{"", "status", "备注", "created at", "status", `a "b"`, "a,b;c|d\te"}), 2, 5).Draw(t, "header"),
	}
	order := rapid.Permutation([]int{0, 1}).Draw(t, "order")
	d.image, d.member = order[0], order[1]
	if len(d.header) > 2 {
		d.member += rapid.IntRange(0, len(d.header)-2).Draw(t, "shift")
		if d.member == d.image {
			d.member = (d.image + 1) % len(d.header)
		}
	}
	d.header[d.image] = rapid.SampledFrom([]string{"image_id", "Image ID", "镜像ID", "IMAGE-ID ", "image", "sourceImageId"}).Draw(t, "image")
	d.header[d.member] = rapid.SampledFrom([]string{"member_id", "Member", "成员id", "Project ID", "tenant_id", "租户ID"}).Draw(t, "member")
	return d
})

// write renders the records, each a row or nil for a blank line, and returns
// the bytes and the line on which each record starts.
func (d dialect) write(t *rapid.T, records [][]string) (content string, lines []int) {
	var b strings.Builder
	line := 1
	if d.preamble {
		b.WriteString("sep=" + d.delimiter + d.lineEnd)
		line++
	}
	for i, record := range append([][]string{d.header}, records...) {
		var text strings.Builder
		for j, cell := range record {
			if j > 0 {
				text.WriteString(d.delimiter)
			}
			if d.quoteAll || strings.ContainsAny(cell, "\"\n,;|\t") {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			text.WriteString(strings.ReplaceAll(cell, "\n", d.lineEnd))
		}
		if i <= len(records)-1 || d.lastLineEnd {
			text.WriteString(d.lineEnd)
		}
		lines = append(lines, line)
		line += strings.Count(text.String(), "\n")
		b.WriteString(text.String())
	}
	return d.encode(t, b.String()), lines[1:]
}

func (d dialect) encode(t *rapid.T, text string) string {
	var err error
	switch d.charset {
	case "utf-16le":
		text, err = utf16le.NewEncoder().String("\ufeff" + text)
	case "utf-16be":
		text, err = utf16be.NewEncoder().String("\ufeff" + text)
	case "gb18030":
		text, err = simplifiedchinese.GB18030.NewEncoder().String(text)
	default:
		if d.mark {
			text = "\ufeff" + text
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	imageIDs = rapid.OneOf(rapid.SampledFrom([]string{imageA, imageB, " " + imageC, "x", ""}),
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`))
	memberIDs = rapid.OneOf(rapid.SampledFrom([]string{member1, member2, "default", "a/b", ""}), rapid.StringMatching(`[0-9a-f]{32}`))
	notes     = rapid.SampledFrom([]string{"", "active", "共享 给 他人", "a,b;c|d\te", `say "yes"`, "one\ntwo\n\nthree", " x ", "=1+2"})
)

// draw makes up records, nil for a blank line, and the rows that are to be read
// from them.
func (d dialect) draw(t *rapid.T) (records [][]string, want []gotRow) {
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		if rapid.IntRange(0, 9).Draw(t, "blank") == 0 {
			records = append(records, nil)
			continue
		}
		record := make([]string, len(d.header))
		row := gotRow{Row: batch.Row{ImageID: imageIDs.Draw(t, "image"), MemberID: memberIDs.Draw(t, "member")}}
		for i := range record {
			switch i {
			case d.image:
				record[i] = row.ImageID
			case d.member:
				record[i] = row.MemberID
			default:
				record[i] = notes.Draw(t, "note")
				row.Other = append(row.Other, record[i])
			}
		}
		if strings.TrimSpace(strings.Join(record, "")) == "" {
			record[d.image], row.ImageID = "y", "y"
		}
		records, want = append(records, record), append(want, row)
	}
	return records, want
}

func TestAnyDialectIsReadBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pairs.csv")
	rapid.Check(t, func(t *rapid.T) {
		d := dialects.Draw(t, "dialect")
		records, want := d.draw(t)
		content, lines := d.write(t, records)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := openRows(context.Background(), path, Options{})
		if err != nil {
			t.Fatalf("%v\n%q", err, content)
		}
		got := m.store.(*memory).rows
		checkRows(t, m, got)

		next := 0
		for i, record := range records {
			if record == nil {
				continue
			}
			want[next].Line = lines[i]
			next++
		}
		for i := range min(len(want), len(got)) {
			row := &want[i].Row
			row.Seq = i
			row.FirstLine, row.FirstSeq = got[i].FirstLine, got[i].FirstSeq // checkRows has looked at them
			if row.Pair, err = batch.ParsePair(row.ImageID, row.MemberID); err != nil {
				row.Problem = err.Error()
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("rows (-want +got):\n%s\n%q", diff, content)
		}
		if m.ImageColumn != d.header[d.image] || m.MemberColumn != d.header[d.member] || string(m.Delimiter) != d.delimiter {
			t.Errorf("columns %q and %q cut at %q", m.ImageColumn, m.MemberColumn, m.Delimiter)
		}
	})
}
