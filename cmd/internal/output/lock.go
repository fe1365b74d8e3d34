package output

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"imsrevoke/batch/plain"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/report"
)

// A Lock keeps two runs against the same endpoint and project, of the same
// shard of a file, from going on at the same time. The system lets go of it when the process ends, however it
// ends; the file stays, because removing it would race with the next run.
type Lock struct{ file *flock.Flock }

// TakeLock takes the lock in a file, which is one of the outputs or, if that has
// no path, the one of a name in the directory for locks. written is the file that
// the holder writes. It does not wait: when another run holds the lock, the error
// says who that is.
func (s *Set) TakeLock(o *File, name string, getenv func(string) string, written string) (*Lock, error) {
	if o.Path != "" {
		return s.lockFile(o, written)
	}
	var lock *Lock
	var err error
	for _, dir := range lockFolders(getenv) {
		o := &File{Kind: KindLock, Path: filepath.Join(dir, name), Flag: "--lock", Replaces: true}
		if err = ownFolder(dir); err != nil { // as the home of a user who has become root by sudo
			err = o.CannotWrite(err)
			continue
		}
		lock, err = s.lockFile(o, written)
		if _, unusable := errors.AsType[syscall.Errno](err); !unusable {
			break
		}
	}
	return lock, err
}

// ownFolder makes a directory, unless it is there, and reports whether anybody
// else could put a lock there, or take one away.
func ownFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a symbolic link", dir)
	}
	if err := report.CheckOwn(dir, info); err != nil {
		return fmt.Errorf("the directory %s: %w", dir, err)
	}
	return nil
}

// lockFile takes the lock in a file. It does not wait: when another run holds
// it, the error wraps [errLocked] and says who that is.
func (s *Set) lockFile(o *File, written string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, o.CannotWrite(err)
	}
	if err := s.MayWrite(o); err != nil {
		return nil, err
	}
	file := flock.New(o.Path, flock.SetFlag(os.O_CREATE|os.O_RDWR|report.OpenNoFollow), flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	if err != nil {
		return nil, o.CannotWrite(err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: %s (lock %s)", exit.ErrLocked, holderOf(o.Path), o.Path)
	}
	if err := o.sign(file, written); err != nil {
		file.Unlock()
		return nil, err
	}
	return &Lock{file}, nil
}

// sign says in a lock that is held who holds it. What the file is that it has
// opened decides, before any of it is changed: the locked one, no link to it, and
// ours.
func (o *File) sign(lock *flock.Flock, name string) error {
	signed := *o
	signed.Path = holderFile(o.Path)
	file, err := openHolder(signed.Path, lock)
	if err != nil {
		return signed.CannotWrite(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = report.CheckOwn(signed.Path, info)
	}
	if err != nil {
		return signed.CannotWrite(err)
	}
	if err := signed.check(file); err != nil {
		return err
	}
	host, _ := os.Hostname()
	if absolute, err := filepath.Abs(name); err == nil {
		name = absolute
	}
	holder := fmt.Sprintf("process %d on %s, since %s, report %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339), name)
	if err := file.Truncate(0); err != nil {
		return signed.CannotWrite(err)
	}
	if _, err := file.WriteAt([]byte(holder), 0); err != nil {
		return signed.CannotWrite(err)
	}
	return nil
}

// holderOf is who says to hold the lock at path, as one line.
func holderOf(path string) string {
	file, err := report.OpenFile(holderFile(path), os.O_RDONLY)
	if err != nil {
		return "holder unknown"
	}
	defer file.Close()
	said, _, _ := strings.Cut(readHead(file), "\n")
	return cmp.Or(plain.Line(said), "holder unknown")
}

// readHead is the beginning of a file, and as much of it as any lock says.
func readHead(file io.Reader) string {
	head, _ := io.ReadAll(io.LimitReader(file, report.KindHead))
	return string(head)
}

func (l *Lock) Release() { l.file.Unlock() }

// LockName names the lock file of an endpoint, a project and a shard.
func LockName(endpoint, project, shard string) string {
	key := endpoint + "\n" + project
	if shard != "" {
		key += "\n" + shard
	}
	name := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%x.lock", name[:8])
}

// lockFolders are where the locks are, the first one that can be used: where
// programs keep their state, which is what systemd gives a service, or else what
// the XDG Base Directory Specification says. A user without a home, or with one that
// cannot be written, as nobody has it, gets a folder among the temporary files.
func lockFolders(getenv func(string) string) []string {
	const name = "imsrevoke"
	if dirs := getenv("STATE_DIRECTORY"); dirs != "" {
		first, _, _ := strings.Cut(dirs, ":")
		return []string{filepath.Join(first, name)}
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return []string{filepath.Join(dir, name)}
	}
	// Nobody but root may put another one in its place, as the temporary directory
	// has it.
	temporary := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", name, os.Getuid()))
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return []string{filepath.Join(home, ".local", "state", name), temporary}
	}
	return []string{temporary}
}
