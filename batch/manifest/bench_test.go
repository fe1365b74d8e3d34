package manifest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// benchRows is the number of rows of the benchmarks' file.
const benchRows = 200_000

// benchFile makes a file; one row in a hundred repeats an earlier one if repeats
// is set.
func benchFile(b testing.TB, rows int, repeats bool) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "pairs.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "image_id,member_id")
	for i := range rows {
		if repeats && i%100 == 99 {
			i -= 50
		}
		fmt.Fprintf(w, "3f7c1d3e-5b1a-4c57-9a41-%012x,%032x\n", i/20, i)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return path
}

func BenchmarkOpen(b *testing.B) {
	for name, repeats := range map[string]bool{"distinct": false, "repeats": true} {
		b.Run(name, func(b *testing.B) {
			path := benchFile(b, benchRows, repeats)
			b.ReportAllocs()
			for b.Loop() {
				plan := newPlan(b)
				m, err := openRows(context.Background(), path, Options{Store: plan})
				if err != nil {
					b.Fatal(err)
				}
				if m.Rows != benchRows || (m.Duplicates > 0) != repeats {
					b.Fatalf("%d rows, %d duplicates", m.Rows, m.Duplicates)
				}
				plan.Close()
			}
			reportRows(b)
		})
	}
}

// A row of the plan is read by the run, and by each look at the rows before it.
func BenchmarkRows(b *testing.B) {
	plan := newPlan(b)
	if _, err := openRows(context.Background(), benchFile(b, benchRows, true), Options{Store: plan}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rows := plan.Rows()
		for {
			if _, err := rows.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	reportRows(b)
}

func reportRows(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}
