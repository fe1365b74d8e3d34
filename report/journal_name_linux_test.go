package report

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestTheNameOfAJournalIsSynced: a directory that cannot be opened cannot be
// synced either, so a journal that can be created in it must still be refused.
func TestTheNameOfAJournalIsSynced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "unreadable")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	asNobody := os.Getuid() == 0 // whom no permission stops
	if asNobody {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "journal")
	plan := planOf(t, nil, nil, nil) // in a directory that nobody may not be able to write to
	defer plan.Close()
	created := make(chan error)
	go func() {
		if asNobody {
			// For this thread alone, which ends with the goroutine.
			runtime.LockOSThread()
			if err := reachable(filepath.Dir(dir)); err != nil {
				created <- err
				return
			}
			if err := syscall.Setfsuid(nobody); err != nil {
				created <- err
				return
			}
		}
		j, err := CreateJournal(path, plan, Run{})
		if err == nil {
			err = j.Close()
		}
		created <- err
	}()
	if err := <-created; !errors.Is(err, os.ErrPermission) {
		t.Errorf("the journal was created in a directory that cannot be synced: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left %s behind: %v", path, err)
	}
}

// reachable lets everybody pass through the directories of a test.
func reachable(dir string) error {
	for ; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return nil
}
