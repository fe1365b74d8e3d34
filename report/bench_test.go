package report

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"imsrevoke/batch"
)

// tenRowsAnImage makes n rows, of ten members of each image.
func tenRowsAnImage(n int) []batch.Row {
	rows := make([]batch.Row, n)
	for i := range rows {
		p := batch.Pair{ImageID: fmt.Sprintf("%08x-5b1a-4c57-9a41-3f0e6a2f7c55", i/10), MemberID: fmt.Sprintf("%032x", i)}
		rows[i] = batch.Row{Seq: i, Line: i + 2, ImageID: p.ImageID, MemberID: p.MemberID, Pair: p}
	}
	return rows
}

// revoked is the result of a row for which all went well.
func revoked(row batch.Row) batch.Result {
	return batch.Result{Row: row, Outcome: batch.Revoked, Status: 204, Attempts: 1, Duration: 7 * time.Millisecond,
		RequestID: "req-8e1ab19d-5b1a-4c57-9a41-1f0e6a2f7c55", FinishedAt: noon}
}

// A work does the same to one row after another.
type work struct {
	name string
	// allocs is how many allocations it may take for a row.
	allocs float64
	// begin returns what is done to each of the rows.
	begin func(t testing.TB, rows []batch.Row) func(batch.Row)
}

// works are what this package does for each row of a run.
var works = []work{
	{"plan", 0.02, func(t testing.TB, _ []batch.Row) func(batch.Row) {
		p, err := NewPlan(t.TempDir())
		if err == nil {
			err = p.Begin([]string{"note"})
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		other := []string{"customer 17"}
		return func(row batch.Row) {
			if err := p.Add(row, other); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"rows", 1.02, func(t testing.TB, rows []batch.Row) func(batch.Row) {
		src := benchJournal(t, rows).Rows()
		return func(batch.Row) {
			if _, err := src.Next(); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"journal", 0.02, func(t testing.TB, rows []batch.Row) func(batch.Row) {
		j := benchJournal(t, rows)
		return func(row batch.Row) {
			if err := j.Begin(row); err != nil {
				t.Fatal(err)
			}
			if err := j.Record(revoked(row)); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"report", 0.02, func(t testing.TB, rows []batch.Row) func(batch.Row) {
		j := benchJournal(t, rows)
		for _, row := range rows {
			if err := j.Record(revoked(row)); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Flush(); err != nil {
			t.Fatal(err)
		}
		r, text := j.render(), make([]byte, 0, 1<<10)
		r.tally = newTally()
		return func(batch.Row) {
			if _, err := r.append(text); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"entry", 0.02, func(t testing.TB, _ []batch.Row) func(batch.Row) {
		out := rowWriter{out: io.Discard}
		return func(row batch.Row) {
			e := Entry{Result: revoked(row)}
			if err := out.entry(&e); err != nil {
				t.Fatal(err)
			}
		}
	}},
}

func benchJournal(t testing.TB, rows []batch.Row) *Journal {
	t.Helper()
	j := createJournal(t, filepath.Join(t.TempDir(), "journal"), rows, Run{Input: "pairs.csv", Started: noon})
	t.Cleanup(func() { j.Close() })
	return j
}

func BenchmarkRow(b *testing.B) {
	for _, w := range works {
		b.Run(w.name, func(b *testing.B) {
			rows := tenRowsAnImage(b.N)
			do := w.begin(b, rows)
			b.ReportAllocs()
			b.ResetTimer()
			for _, row := range rows {
				do(row)
			}
		})
	}
}
