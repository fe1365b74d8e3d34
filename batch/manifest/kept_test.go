//go:build !windows

package manifest

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

func TestInputThatCannotBeReadTwiceIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m, err := openRows(context.Background(), "-", Options{Stdin: io.MultiReader(
		strings.NewReader("image_id,"), strings.NewReader(expand("member_id\nA!,1!\nA!,1!\n"))), TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
	if rows := rowsOf(t, m); len(rows) != 2 || rows[1].FirstLine != 2 {
		t.Errorf("rows %+v", rows)
	}
	if m.Name != "standard input" || m.Duplicates != 1 {
		t.Errorf("name %q, duplicates %d", m.Name, m.Duplicates)
	}

	_, err = openRows(context.Background(), "-", Options{Stdin: strings.NewReader("x"), TempDir: dir})
	if err == nil || !strings.HasPrefix(err.Error(), "standard input: line 1: no column") {
		t.Errorf("a refusal: %v", err)
	}
}

func TestWithoutRoomForACopyNothingIsRead(t *testing.T) {
	none := t.TempDir() + "/none"
	good := func() Options { return Options{Stdin: strings.NewReader("image_id,member_id\n"), TempDir: none} }
	if _, err := openRows(context.Background(), "-", good()); err != nil {
		t.Fatalf("where only TempDir cannot be written: %v", err)
	}
	t.Setenv("TMPDIR", none)
	if _, err := openRows(context.Background(), "-", good()); err == nil || !strings.HasPrefix(err.Error(), "cannot keep a copy of standard input: ") {
		t.Errorf("without any directory: %v", err)
	}
}

func TestANamedPipeIsKept(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString(expand("image_id,member_id\nA!,1!\n")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	path := "/dev/fd/" + itoa(int(r.Fd()))
	if _, err := os.Stat(path); err != nil {
		t.Skip("no /dev/fd here")
	}
	m, err := openRows(context.Background(), path, Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(t, m); len(rows) != 1 {
		t.Errorf("rows %+v", rows)
	}
}
