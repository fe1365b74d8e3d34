//go:build !windows

package output

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"imsrevoke/report"
)

// TestALockIsSignedOnlyWhereItIsOne: the holder is written into no other
// file than the one that is locked, and is ours.
func TestALockIsSignedOnlyWhereItIsOne(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(victim, path string) error{
		"a link":       os.Symlink,
		"another name": os.Link,
		"another file": func(_, path string) error { return os.WriteFile(path, nil, 0o600) },
		"others write": func(_, path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666)) },
		"another user's": func(_, path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, 65534, -1))
		},
		"a pipe": func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "lock")
			if err := os.WriteFile(victim, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := prepare(victim, path); errors.Is(err, os.ErrPermission) {
				t.Skip(err) // only root can give a file away
			} else if err != nil {
				t.Fatal(err)
			}
			locked := path
			if name == "another file" {
				locked = victim
			}
			lock := flock.New(locked, flock.SetFlag(os.O_RDWR|report.OpenNoFollow))
			defer lock.Close()
			_, _ = lock.TryLock() // which is refused already where the path is a link
			o := &File{Kind: KindLock, Path: path, Flag: "--lock", Replaces: true}
			if err := o.sign(lock, "report.csv"); err == nil || !strings.Contains(err.Error(), "cannot write the lock file") {
				t.Errorf("it was signed: %v", err)
			}
			if text, err := os.ReadFile(victim); err != nil || len(text) > 0 {
				t.Errorf("the victim holds %q, %v", text, err)
			}
		})
	}
}
