package report

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"imsrevoke/batch"
)

// TestRoomForEveryRowThatWasBegun: rows that wait for another attempt have no
// result for long; when the disk is full in the meantime, there is room for
// each of them all the same.
func TestRoomForEveryRowThatWasBegun(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	const rows = 60000
	j := createJournal(t, filepath.Join(dir, "j"), make([]batch.Row, rows), Run{})
	for i := range rows {
		if err := j.Begin(batch.Row{Seq: i, Line: i + 2}); err != nil {
			t.Fatal(err)
		}
	}
	fill, err := os.Create(filepath.Join(dir, "fill"))
	for err == nil {
		_, err = fill.Write(make([]byte, 4096))
	}
	fill.Close()
	for i := range rows {
		err := j.Record(batch.Result{
			Row:       batch.Row{Seq: i, Line: i + 2, ImageID: "d164b5df-1bc3-4c3f-893e-3e471fd16e64", MemberID: "edc89b490d7d4392898e19b2deb34797"},
			Outcome:   batch.Revoked,
			Attempts:  1,
			RequestID: "req-d164b5df-1bc3-4c3f-893e-3e471fd16e64",
		})
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	if err := errors.Join(j.End(Stop{}, batch.Summary{}), j.Close()); err != nil {
		t.Fatal(err)
	}
}
