package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

// fataler is what tests and properties have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// planOf is a plan of these rows, in which a row that repeats another is noted. The
// other cells are a row's, nil for none.
func planOf(t fataler, rows []batch.Row, columns []string, other [][]string) *Plan {
	t.Helper()
	p, err := NewPlan("")
	if err == nil {
		err = p.Begin(columns)
	}
	for i, row := range rows {
		var cells []string
		if other != nil {
			cells = other[i]
		}
		err = errors.Join(err, p.Add(row, cells))
	}
	for _, row := range rows {
		if row.FirstLine > 0 {
			err = errors.Join(err, p.Note(row.Seq, row.FirstSeq, row.FirstLine, false))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// createJournal makes the journal of a run of these rows.
func createJournal(t fataler, path string, rows []batch.Row, run Run) *Journal {
	t.Helper()
	plan := planOf(t, rows, nil, nil)
	defer plan.Close()
	run.Rows = len(rows)
	j, err := CreateJournal(path, plan, run)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// resultOf is what the journal's report says of a row, and whether the journal itself
// says so.
func resultOf(t fataler, j *Journal, seq int) (r batch.Result, found bool) {
	t.Helper()
	rendering := j.render()
	for {
		planned, err := rendering.next()
		if err != nil {
			t.Fatal(err)
		}
		if planned.seq != seq {
			continue
		}
		state := j.states[seq]
		if r, err = rendering.result(&planned, state); err != nil {
			t.Fatal(err)
		}
		return r, state.offset() != 0 || state.is(stateLost)
	}
}

func TestAPlanGivesBackItsRows(t *testing.T) {
	cell := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\t", "a\tb\\t", "a\nb", "\\", `a,"b"`, " x", strings.Repeat("long ", 1000), "\xff\x00", `="x"`}))
	rapid.Check(t, func(rt *rapid.T) {
		rows := rowsOf(rapid.IntRange(0, 20).Draw(rt, "rows"))
		other := make([][]string, len(rows))
		for i := range rows {
			other[i] = []string{cell.Draw(rt, "note"), cell.Draw(rt, "note")}
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				rows[i].ImageID, rows[i].MemberID = cell.Draw(rt, "image"), cell.Draw(rt, "member")
				rows[i].Problem, rows[i].Pair = "bad: "+cell.Draw(rt, "problem"), batch.Pair{}
			case 1:
				if i > 0 && rows[i-1].Problem == "" && rows[i-1].FirstLine == 0 {
					rows[i].ImageID, rows[i].MemberID, rows[i].Pair = rows[i-1].ImageID, rows[i-1].MemberID, rows[i-1].Pair
					rows[i].FirstSeq, rows[i].FirstLine = i-1, rows[i-1].Line
				}
			}
		}
		p := planOf(rt, rows, []string{"note", "line"}, other)
		defer p.Close()
		for range 2 {
			var got []batch.Row
			src := p.Rows()
			for {
				row, err := src.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					rt.Fatal(err)
				}
				got = append(got, row)
			}
			want := make([]batch.Row, len(rows))
			for i, row := range rows {
				if row.Problem != "" { // as the report has it
					row.ImageID, row.MemberID = asRead(defuse(row.ImageID)), asRead(defuse(row.MemberID))
				}
				want[i] = row
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

// asRead is a cell as a reader of CSV has it, to whom line ends are all the same.
func asRead(cell string) string { return strings.ReplaceAll(cell, "\r\n", "\n") }

func TestAPlanThatWasChangedIsNoticed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*os.File, int64) error{
		"by one byte":                     func(f *os.File, size int64) error { _, err := f.WriteAt([]byte("x"), size-30); return err },
		"by its last bytes being cut off": func(f *os.File, size int64) error { return f.Truncate(size - 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planOf(t, rowsOf(5), nil, nil)
			defer p.Close()
			rows := p.Rows()
			if err := change(p.file, p.size); err != nil {
				t.Fatal(err)
			}
			var err error
			n := 0
			for ; err == nil; n++ {
				_, err = rows.Next()
			}
			if !errors.Is(err, ErrDamaged) || n != 5 {
				t.Errorf("after %d rows: %v", n-1, err)
			}
		})
	}
}

func TestAPlanLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	p, err := NewPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Begin(nil), p.Close()); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("it leaves %v: %v", entries, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	t.Setenv("TMPDIR", t.TempDir())
	if p, err = NewPlan(dir + "/none"); err != nil {
		t.Fatalf("where only the directory cannot be written to: %v", err)
	}
	p.Close()
	t.Setenv("TMPDIR", dir+"/none")
	if _, err := NewPlan(dir + "/none"); err == nil {
		t.Error("a plan was made without any directory")
	}
}

// The text of a plan is that of the package encoding/csv.
func TestCellsAreQuotedAsInCSV(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cells := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`\.`, " x", "\u00a0x", "a,b", `"`, "\r", "\n", ""})), 2, 5).Draw(rt, "cells")
		var text []byte
		for i, cell := range cells {
			text = appendNextCell(text, i, cell)
		}
		if want := csvLine(cells); string(text)+"\n" != want {
			rt.Fatal(fmt.Sprintf("%q; want %q", text, want))
		}
	})
}
