package resilience

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

// mountDisk gives the site's report a disk of its own.
func (s *site) mountDisk(t *testing.T, size string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("tmpfs", s.dir, "tmpfs", flags, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(s.dir, 0); err != nil {
			t.Errorf("unmount the small disk: %v", err)
		}
	})
}

// journalled is how many results the journal holds.
func (s *site) journalled(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(s.journal())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\trow\t"))
}

// stoppedByDisk expects of a run that no room was left to it that it has kept
// the result of every row that it has sent, and has not sent all.
func (s *site) stoppedByDisk(t *testing.T, run siteRun) {
	t.Helper()
	run.expect(t, exit.Record, "journal")
	sent := s.requests()
	if sent == 0 || sent >= len(s.pairs) {
		t.Fatalf("%d requests for %d rows: the test needs a disk of another size", sent, len(s.pairs))
	}
	if n := s.journalled(t); n != sent {
		t.Errorf("%d requests were sent, and the journal has %d results", sent, n)
	}
}

// resumes expects the rest to be settled, and no row to be sent twice.
func (s *site) resumes(t *testing.T) {
	t.Helper()
	s.run("--resume").expect(t, exit.Settled)
	if n := s.judge(t)[batch.Revoked]; n != len(s.pairs) {
		t.Errorf("%d of %d rows are revoked", n, len(s.pairs))
	}
	if n := s.requests(); n != len(s.pairs) {
		t.Errorf("%d requests for %d rows", n, len(s.pairs))
	}
}

func TestDiskThatIsFull(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50, 20)
	s.mountDisk(t, "256k", 0)
	s.stoppedByDisk(t, s.run())
	if _, err := os.Stat(s.report()); !errors.Is(err, os.ErrNotExist) {
		s.judge(t)
	}
	// With as little room as before it does not get far, and does not harm.
	before := s.journalled(t)
	s.stoppedByDisk(t, s.run("--resume"))
	if after := s.journalled(t); after < before {
		t.Errorf("the journal had %d results, and has %d", before, after)
	}
	if err := unix.Mount("", s.dir, "", unix.MS_REMOUNT, "size=16m"); err != nil {
		t.Fatal(err)
	}
	s.resumes(t)
}

func TestDiskWithoutRoomForTheReport(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50, 20)
	s.mountDisk(t, "16m", 0)
	fill := filepath.Join(s.dir, "fill")
	ended, release := s.interrupt(t, int64(len(s.pairs)-1), func() siteRun { return s.run("--overwrite") })
	const older = "line,image_id,member_id,outcome,http_status\n"
	if err := os.WriteFile(s.report(), []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	fillDisk(t, fill)
	release()
	(<-ended).expect(t, exit.Record, "write the report", "no space left", "what is known is in "+s.journal())
	if text, err := os.ReadFile(s.report()); err != nil || string(text) != older {
		t.Errorf("the older report is now %.40q, %v", text, err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.resumes(t)
}

// fillDisk writes a file until there is no room left.
func fillDisk(t *testing.T, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 4<<10); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

func TestDiskThatIsReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, 1)
	s.mountDisk(t, "1m", unix.MS_RDONLY)
	s.run().expect(t, exit.Record, "read-only file system")
	if n := s.requests(); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestDiskWithALimitOnFiles runs the program as a process under ulimit -f.
func TestDiskWithALimitOnFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50, 20)
	limited := append([]string{"-c", `ulimit -f 512 && exec imsrevoke "$@"`, "sh"}, s.args()...)
	s.stoppedByDisk(t, s.runProcess(t, "sh", limited...))
	s.resumes(t)
}
