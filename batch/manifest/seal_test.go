package manifest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// overwrite returns a change of a file in place.
func overwrite(offset int64, with string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte(with), offset); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFileThatChangesIsNoticed(t *testing.T) {
	t.Parallel()
	content := expand("image_id,member_id\n") + strings.Repeat(expand("A!,1!\nB!,2!\n"), 2000)
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
		atOnce bool
	}{
		{"by a row at its end", overwrite(int64(len(content)), expand("C!,2!\n")), true},
		{"by its last bytes being cut off", func(t *testing.T, path string) {
			if err := os.Truncate(path, int64(len(content)-1)); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"by being emptied", func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"by one byte of its first block", overwrite(30, "0"), true},
		{"by one byte beyond its first block", overwrite(2*blockSize+1, "%"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, content)
			m, err := Open(context.Background(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			want := mustDrain(t, m)
			tt.change(t, path)
			reader := m.Reader()
			rows, err := drain(reader)
			if !errors.Is(err, ErrChanged) {
				t.Fatalf("got %v, want ErrChanged", err)
			}
			if !strings.HasPrefix(err.Error(), path+": the file has changed") {
				t.Errorf("message %q", err)
			}
			if tt.atOnce != (len(rows) == 0) {
				t.Errorf("%d rows came before the change was noticed", len(rows))
			}
			for i, row := range rows {
				if row.Row != want[i].Row {
					t.Fatalf("row %d is %+v, want %+v", i, row.Row, want[i].Row)
				}
			}
			if _, again := reader.Next(); again != err {
				t.Errorf("a second call says %v", again)
			}
		})
	}
}

func TestGrowthDuringAReadingIsNoticed(t *testing.T) {
	t.Parallel()
	content := "image_id,member_id\n" + strings.Repeat(expand("A!,1!\n"), 2000)
	path := writeFile(t, content)
	m, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := m.Reader()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := drain(r); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

// A line cut short by the change looks like a row with broken quotes.
func TestAChangeIsNotTakenForAnInvalidRow(t *testing.T) {
	t.Parallel()
	row := expand("A!,1!,xxxxxxxxx\n")
	content := "image_id,member_id,n\n" + strings.Repeat(row, 3000)
	at := blockSize - (blockSize-len("image_id,member_id,n\n"))%len(row) // where the line across the blocks starts
	content = content[:at] + `"` + content[at+1:blockSize-1] + "x" + content[blockSize-1:]
	content = content[:at+36] + `"x` + content[at+38:]
	path := writeFile(t, content)
	m, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	want := mustDrain(t, m)
	if m.Invalid != 1 {
		t.Fatalf("%d invalid rows, want 1", m.Invalid)
	}
	overwrite(blockSize+100, "!")(t, path)
	got, err := drain(m.Reader())
	if !errors.Is(err, ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	for i := range got {
		if want[i].Problem != got[i].Problem || got[i].Problem != "" {
			t.Errorf("row %d is invalid: %s", i, got[i].Problem)
		}
	}
}

func TestAFileMayBeReplacedByAnother(t *testing.T) {
	t.Parallel()
	path := writeFile(t, expand("image_id,member_id\nA!,1!\n"))
	m, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Rename(writeFile(t, expand("image_id,member_id\nB!,2!\nC!,2!\n")), path); err != nil {
		t.Fatal(err)
	}
	rows := mustDrain(t, m)
	if len(rows) != 1 || rows[0].ImageID != imageA {
		t.Errorf("rows %+v", rows)
	}
}

func TestAClosedManifestGivesNoRows(t *testing.T) {
	t.Parallel()
	m := mustOpen(t, expand("image_id,member_id\nA!,1!\n"), Options{})
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Reader().Next(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, writeFile(t, "image_id,member_id\n"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a file: %v", err)
	}
	if _, err := Open(ctx, "-", Options{Stdin: strings.NewReader("image_id,member_id\n"), TempDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("standard input: %v", err)
	}

	m := mustOpen(t, "image_id,member_id\n"+strings.Repeat(expand("A!,1!\n"), 5000), Options{})
	ctx, cancel = context.WithCancel(context.Background())
	r := m.reader(ctx)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if rows, err := drain(r); !errors.Is(err, context.Canceled) || len(rows) > 2*blockSize/len(expand("A!,1!\n")) {
		t.Errorf("within a scan: %v after %d rows", err, len(rows))
	}
}
