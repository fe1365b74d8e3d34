package manifest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"imsrevoke/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	imageA  = "3f7c1d3e-5b1a-4c57-9a41-0d2b6f1c8e01"
	imageB  = "3f7c1d3e-5b1a-4c57-9a41-0d2b6f1c8e02"
	imageC  = "3f7c1d3e-5b1a-4c57-9a41-0d2b6f1c8e03"
	member1 = "05a1b2c3d4e5f60718293a4b5c6d7e01"
	member2 = "05a1b2c3d4e5f60718293a4b5c6d7e02"
)

// expand writes the ids of a test's text in full.
func expand(text string) string {
	return strings.NewReplacer("A!", imageA, "B!", imageB, "C!", imageC, "1!", member1, "2!", member2).Replace(text)
}

func writeFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pairs.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, content string, opts Options) (*Manifest, error) {
	t.Helper()
	return openRows(context.Background(), writeFile(t, content), opts)
}

// openRows opens a file with a store in memory, unless it has another.
func openRows(ctx context.Context, path string, opts Options) (*Manifest, error) {
	if opts.Store == nil {
		opts.Store = &memory{}
	}
	return Open(ctx, path, opts)
}

// A memory is a [Store].
type memory struct {
	columns []string
	rows    []gotRow
	noted   int // the number of the last row that was noted
}

func (s *memory) Begin(columns []string) error {
	s.columns, s.noted = columns, -1
	return nil
}

func (s *memory) Add(row batch.Row, other []string) error {
	row.Seq = len(s.rows)
	s.rows = append(s.rows, gotRow{row, other})
	return nil
}

func (s *memory) Rows() batch.Source { return &memoryRows{rows: s.rows} }

func (s *memory) Note(seq, firstSeq, firstLine int, respelled bool) error {
	if seq <= s.noted || firstLine > 0 && (firstSeq >= seq || s.rows[firstSeq].Line != firstLine) {
		return fmt.Errorf("row %d is noted after row %d, as one that repeats row %d on line %d", seq, s.noted, firstSeq, firstLine)
	}
	s.noted = seq
	row := &s.rows[seq].Row
	row.FirstSeq, row.FirstLine, row.Respelled = firstSeq, firstLine, row.Respelled || respelled
	return nil
}

type memoryRows struct{ rows []gotRow }

func (r *memoryRows) Next() (batch.Row, error) {
	if len(r.rows) == 0 {
		return batch.Row{}, io.EOF
	}
	row := r.rows[0].Row
	r.rows = r.rows[1:]
	return row, nil
}

func mustOpen(t testing.TB, content string, opts Options) *Manifest {
	t.Helper()
	m, err := open(t, content, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type gotRow struct {
	batch.Row
	Other []string
}

// rowsOf are the rows that the store of a manifest has.
func rowsOf(t testing.TB, m *Manifest) []gotRow {
	t.Helper()
	s := m.store.(*memory)
	if !slices.Equal(s.columns, m.Columns) {
		t.Fatalf("the store was told of the columns %q, and they are %q", s.columns, m.Columns)
	}
	return s.rows
}

// brief writes a row as "line image member (FirstLine) [others] problem", with
// short ids.
func brief(row gotRow) string {
	short := strings.NewReplacer(imageA, "A!", imageB, "B!", imageC, "C!", member1, "1!", member2, "2!")
	parts := []string{itoa(row.Line), row.ImageID, row.MemberID}
	if row.FirstLine > 0 {
		parts = append(parts, "="+itoa(row.FirstLine))
	}
	if len(row.Other) > 0 {
		parts = append(parts, "["+strings.Join(row.Other, "|")+"]")
	}
	if row.Problem != "" {
		parts = append(parts, "! "+row.Problem)
	}
	return short.Replace(strings.Join(parts, " "))
}

func encode(t testing.TB, enc encoding.Encoding, text string) string {
	t.Helper()
	out, err := enc.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	utf16le = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	utf16be = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
)

func itoa(n int) string { return strconv.Itoa(n) }

func utf16LEUnit(u uint16) string { return string([]byte{byte(u), byte(u >> 8)}) }
