package manifest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// endless repeats a text for ever, and counts what was read of it.
type endless struct {
	text string
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text[int((e.read+int64(n))%int64(len(e.text))):])
	}
	e.read += int64(n)
	return n, nil
}

func TestInputWithoutAnEndIsRefused(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	for _, tt := range []struct{ name, text, want string }{
		{"rows", "a,b\n", "standard input: it is longer than 1048576 bytes; if it ends at all, save it to a file and name that file"},
		{"NULs", "\x00", "standard input: line 1: it is not text: it starts with NUL bytes; name the CSV file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, in := &Manifest{Name: "standard input"}, &endless{text: tt.text}
			_, err := m.spool(t.Context(), in, t.TempDir(), most)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v; want %s", err, tt.want)
			}
			if in.read > most+blockSize {
				t.Errorf("%d bytes were read", in.read)
			}
		})
	}
}

func TestInputUpToTheBoundIsKept(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, blockSize - 1, blockSize, blockSize + 1, 3 * blockSize} {
		f, err := (&Manifest{}).spool(t.Context(), strings.NewReader(strings.Repeat("x", size)), t.TempDir(), int64(size))
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		copied, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
		if err != nil || len(copied) != size {
			t.Errorf("%d of %d bytes were kept: %v", len(copied), size, err)
		}
		f.Close()
	}
}

func TestALongNameInTheHeaderIsRefused(t *testing.T) {
	t.Parallel()
	_, err := open(t, "image_id,member_id,"+strings.Repeat("x", maxCell+1)+"\n", Options{})
	if err == nil || !strings.Contains(err.Error(), "line 1: the name of column 3 holds more than 1 MiB") {
		t.Errorf("got %v", err)
	}
}

// TestACopyThatKeptItsNameIsRemoved: a system that cannot remove an open
// file would keep a customer's list in its temporary directory for ever.
func TestACopyThatKeptItsNameIsRemoved(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "copy.csv"))
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{file: file, copied: file.Name()}
	if err := m.closeFile(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file.Name()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}
