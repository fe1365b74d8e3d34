package manifest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// selectionFile has every kind of row: pairs of three images and two members,
// repeats, an id in capitals, one within blanks, and rows that cannot be pairs.
var selectionFile = expand("image_id,note,member_id\n") + expand(strings.Join([]string{
	"A!,x,1!",              // 2
	"A!,y,2!",              // 3
	"B!,x,1!",              // 4
	"A!,x,1!",              // 5 = 2
	"UPPER,y,2!",           // 6: B in capitals
	"C!,x, 1! ",            // 7
	"C!,y",                 // 8 invalid
	"B!,x,not an id",       // 9 invalid
	"A!,\"x\" y,1!",        // 10 invalid: a quote
	"C!,\"two\nlines\",2!", // 11
	"C!,y,1!",              // 13 = 7
}, "\n"))

func selectionText() string {
	return strings.ReplaceAll(selectionFile, "UPPER", strings.ToUpper(imageB))
}

func TestSelectionChoosesRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		selection Selection
		want      []string
	}{
		"image": {Selection{Images: []string{imageA}}, []string{"2 A! 1! [x]", "3 A! 2! [y]", "5 A! 1! =2 [x]"}},
		"image in capitals, within blanks": {Selection{Images: []string{" " + strings.ToUpper(imageB) + "\u00a0"}}, []string{
			"4 B! 1! [x]", "6 " + strings.ToUpper(imageB) + " 2! [y]",
			`9 B! not an id [x] ! the member id "not an id" holds U+0020 ' ' at character 4; only letters, digits, "_" and "-" are allowed`,
		}},
		"member":       {Selection{Members: []string{member2}}, []string{"3 A! 2! [y]", "6 " + strings.ToUpper(imageB) + " 2! [y]", "11 C! 2! [two\nlines]"}},
		"both":         {Selection{Images: []string{imageA, imageC}, Members: []string{member2}}, []string{"3 A! 2! [y]", "11 C! 2! [two\nlines]"}},
		"other column": {Selection{Where: []Condition{{Column: "Note", Value: "y"}}}, []string{"3 A! 2! [y]", "6 " + strings.ToUpper(imageB) + " 2! [y]", "8 C!  [y] ! the row has 2 cells, the header has 3", "13 C! 1! [y]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mustOpen(t, selectionText(), Options{Select: c.selection})
			var got []string
			for i, row := range rowsOf(t, m) {
				if row.Seq != i {
					t.Errorf("row %d has the number %d", i, row.Seq)
				}
				got = append(got, brief(row))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// What is chosen is counted and hashed as in a file that holds nothing else on
// the same lines.
func TestSelectionLooksLikeAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	whole := mustOpen(t, selectionText(), Options{})
	chosen := mustOpen(t, selectionText(), Options{Select: Selection{Images: []string{imageA}}})
	alone := mustOpen(t, expand("image_id,note,member_id\nA!,x,1!\nA!,y,2!\n\nA!,x,1!\n"), Options{})
	if chosen.Digest != alone.Digest || chosen.Digest == whole.Digest {
		t.Errorf("digest %s, of the same rows alone %s, of all %s", chosen.Digest, alone.Digest, whole.Digest)
	}
	type numbers struct {
		rows, valid, invalid, duplicates int
		images, members                  Count
	}
	of := func(m *Manifest) numbers {
		return numbers{m.Rows, m.Valid, m.Invalid, m.Duplicates, m.Images, m.Members}
	}
	if of(chosen) != of(alone) {
		t.Errorf("chosen %+v, alone %+v", of(chosen), of(alone))
	}
	for _, m := range []*Manifest{whole, chosen} {
		if m.WholeRows != whole.Rows || m.WholeDigest != whole.Digest {
			t.Errorf("the whole file: %d rows, digest %s; want %d, %s", m.WholeRows, m.WholeDigest, whole.Rows, whole.Digest)
		}
	}
	if whole.UncutRows != whole.Rows || whole.UncutInvalid != whole.Invalid || chosen.UncutRows != chosen.Rows {
		t.Errorf("without a shard the counts of all shards differ: %+v, %+v", whole, chosen)
	}
}

// Every row is in one shard, in the order of the file, and equal pairs meet,
// whatever their case.
func TestShardsPartTheFile(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("image_id,member_id\n")
	for i := range 600 {
		image := fmt.Sprintf("3f7c1d3e-5b1a-4c57-9a41-%012x", i%100/7)
		if i%3 == 0 {
			image = strings.ToUpper(image)
		}
		fmt.Fprintf(&text, "%s,%032x\n", image, i%100)
		if i%50 == 0 {
			fmt.Fprintf(&text, "bad %d,%032x\n\n", i, i)
		}
	}
	whole := mustOpen(t, text.String(), Options{})
	for _, count := range []int{1, 2, 3, 16} {
		lines := make(map[int]int)
		shardOf := make(map[batch.Pair]int)
		sum, duplicates := 0, 0
		for index := range count {
			m := mustOpen(t, text.String(), Options{Select: Selection{Shard: Shard{index, count}}})
			sum += m.Rows
			duplicates += m.Duplicates
			if m.UncutRows != whole.Rows || m.UncutInvalid != whole.Invalid {
				t.Fatalf("%d/%d: %d rows, %d invalid in all shards; want %d, %d", index, count, m.UncutRows, m.UncutInvalid, whole.Rows, whole.Invalid)
			}
			if m.Rows > 2*whole.Rows/count && count > 1 {
				t.Errorf("%d/%d has %d of %d rows", index, count, m.Rows, whole.Rows)
			}
			for _, row := range rowsOf(t, m) {
				lines[row.Line]++
				if row.Problem != "" {
					continue
				}
				pair := batch.Pair{ImageID: foldID(row.ImageID), MemberID: foldID(row.MemberID)}
				if was, ok := shardOf[pair]; ok && was != index {
					t.Fatalf("%v is in the shards %d and %d", pair, was, index)
				}
				shardOf[pair] = index
			}
		}
		if sum != whole.Rows || len(lines) != whole.Rows || duplicates != whole.Duplicates {
			t.Errorf("%d shards hold %d rows on %d lines, %d duplicates; the file %d, %d", count, sum, len(lines), duplicates, whole.Rows, whole.Duplicates)
		}
	}
}

// The parts of one file may be taken by different versions of the program. The
// numbers are what this prints:
//
//	printf '%s\n%s' "$image" "$member" | sha256sum
func TestShardIsTheSameForever(t *testing.T) {
	t.Parallel()
	row := batch.Row{ImageID: " " + strings.ToUpper(imageA), MemberID: member1 + "\u200b"}
	for index := range 1000 {
		if got, want := (Shard{index, 1000}).of(row), index == 323; got != want {
			t.Errorf("%d/1000: %v", index, got)
		}
	}
}

func TestSelectionOfNothing(t *testing.T) {
	t.Parallel()
	nearA := strings.Replace(imageA, "4c57", "4d57", 1)
	for name, c := range map[string]struct {
		selection Selection
		want      string
	}{
		"an id that is nearly one":  {Selection{Images: []string{nearA}}, "no row has the image " + nearA + "; line 2 has " + imageA},
		"one of two":                {Selection{Images: []string{imageB, nearA}}, "no row has the image " + nearA},
		"an id of another kind":     {Selection{Images: []string{"ffffffff-ffff-ffff-ffff-ffffffffffff"}}, "; compare it with the ids in the file"},
		"an id of the other column": {Selection{Members: []string{imageB}}, "no row has the member " + imageB + "; it is the image of line 4"},
		"two ids that never meet":   {Selection{Images: []string{imageB}, Members: []string{"nobody"}}, "no row has both"},
		"a value":                   {Selection{Where: []Condition{{Column: "note", Value: "z"}}}, `no row has "z" in the column "note"`},
		"a value of the wrong rows": {Selection{Where: []Condition{{Column: "note", Value: "two"}}, Images: []string{imageB}}, `no row meets all conditions`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, selectionText()+expand("\nA!,two,nobody\n"), Options{Select: c.selection})
			if !errors.Is(err, ErrNothingSelected) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got %v\nwant …%s", err, c.want)
			}
		})
	}
}

func TestSelectionThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		selection Selection
		want      string
	}{
		"no such column": {Selection{Where: []Condition{{"outcome", "revoked", "the report of a run"}}}, `line 1: there is no column "outcome"; the header has "image_id", "note", "member_id"; name the report of a run`},
		"no such part":   {Selection{Shard: Shard{4, 4}}, "there is no shard 4/4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, selectionText(), Options{Select: c.selection})
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNothingSelected) {
				t.Errorf("got %v\nwant …%s", err, c.want)
			}
		})
	}
}

// A shard may be empty: the file is only small.
func TestEmptyShard(t *testing.T) {
	t.Parallel()
	empty := 0
	for index := range 8 {
		m := mustOpen(t, expand("image_id,member_id\nA!,1!\n"), Options{Select: Selection{Images: []string{imageA}, Shard: Shard{index, 8}}})
		if rows := rowsOf(t, m); len(rows) != m.Rows {
			t.Errorf("%d rows, %d announced", len(rows), m.Rows)
		}
		if m.Rows == 0 {
			empty++
		}
	}
	if empty != 7 {
		t.Errorf("one row is in %d of 8 shards", 8-empty)
	}
}

// The file is judged as a whole, whatever is chosen of it.
func TestSelectionDoesNotHideDoubts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an open quote":   "image_id,member_id\nA!,1!\nB!,\"1!\n",
		"a swallowed row": "image_id,member_id,note\nA!,1!,x\nB!,1!,\"y\nC!,1!,z\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, expand(text), Options{Select: Selection{Images: []string{imageA}}})
			if _, ok := errors.AsType[*Error](err); !ok || errors.Is(err, ErrNothingSelected) {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err := open(t, expand("image_id,member_id\n1!,A!\n1!,B!\n"), Options{Select: Selection{Images: []string{imageA}}})
	if err == nil || !strings.Contains(err.Error(), "swapped") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkOpenShard(b *testing.B) {
	path := benchFile(b, benchRows, false)
	b.ReportAllocs()
	for b.Loop() {
		_, err := openRows(context.Background(), path, Options{Select: Selection{Shard: Shard{1, 4}}})
		if err != nil {
			b.Fatal(err)
		}
	}
	reportRows(b)
}
