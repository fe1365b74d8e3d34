package manifest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
	m, err := Open(context.Background(), writeFile(t, content), opts)
	if err == nil {
		t.Cleanup(func() { _ = m.Close() })
	}
	return m, err
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

// drain reads to the end, and returns the rows before an error together with it.
func drain(r *Reader) ([]gotRow, error) {
	var rows []gotRow
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, gotRow{row, r.Other()})
	}
}

// mustDrain reads all rows, by places and as gocsv maps them.
func mustDrain(t testing.TB, m *Manifest) []gotRow {
	t.Helper()
	rows, err := drain(m.Reader())
	mapped, mapErr := drain(m.firstReader(t.Context()))
	if err := errors.Join(err, mapErr); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mapped, rows, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("a later reading differs from the first:\n%s", diff)
	}
	return rows
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
