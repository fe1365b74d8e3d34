package batch

import (
	"context"
	"io"
	"testing"
)

// willing is an API that revokes at once.
type willing struct{}

func (willing) Remove(context.Context, Pair) Answer { return Answer{Meaning: Removed, Status: 204} }
func (willing) Add(context.Context, Pair) Answer    { return Answer{Meaning: Added, Status: 200} }
func (willing) Images(context.Context, ImageQuery, Cursor) (ImagePage, Answer) {
	return ImagePage{}, Answer{Meaning: Listed, Status: 200}
}

func (willing) Members(context.Context, string, Cursor) (Page, Answer) {
	return Page{}, Answer{Meaning: Listed, Status: 200}
}

// blank is a Recorder that keeps nothing.
type blank struct{}

func (blank) Begin(Row) error     { return nil }
func (blank) Record(Result) error { return nil }
func (blank) Flush() error        { return nil }

// sameRow hands out a row as often as it is left.
type sameRow struct {
	row  Row
	left int
}

func (s *sameRow) Next() (Row, error) {
	if s.left == 0 {
		return Row{}, io.EOF
	}
	s.left--
	s.row.Seq++
	return s.row, nil
}

// benchRun runs n rows through the engine.
func benchRun(t testing.TB, n int) {
	row := rowsOf(1)[0]
	job := testJob()
	job.Workers = 32
	if _, err := job.Run(t.Context(), Revoke, &sameRow{row: row, left: n}, willing{}, blank{}); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkRow is what the engine itself costs for a row.
func BenchmarkRow(b *testing.B) {
	b.ReportAllocs()
	benchRun(b, b.N)
}
