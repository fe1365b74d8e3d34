package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// errLocked says that another run holds the lock.
var errLocked = errors.New("another run is under way")

// A runLock keeps two runs against the same endpoint and project, of the same
// shard of a file, from going on at the same time. The system lets go of it when the process ends, however it
// ends; the file stays, because removing it would race with the next run.
type runLock struct{ file *flock.Flock }

// lock takes the lock that the flags name, or else the one of the endpoint, the
// project and the shard.
func (r *run) lock() (*runLock, error) {
	if r.options.lock != "" {
		return r.lockFile(r.files.lockFile)
	}
	projectID, _ := r.session.Project()
	name := lockName(r.session.Endpoint().String(), projectID, r.options.shard.String())
	var lock *runLock
	var err error
	for _, dir := range stateFolders(r.getenv) {
		lock, err = r.lockFile(&output{kindLock, filepath.Join(dir, "imsrevoke", name), "--lock", true, ""})
		if _, unusable := errors.AsType[syscall.Errno](err); !unusable {
			break
		}
	}
	return lock, err
}

// lockFile takes the lock in a file. It does not wait: when another run holds
// it, the error wraps [errLocked] and says who that is.
func (r *run) lockFile(o *output) (*runLock, error) {
	if err := os.MkdirAll(filepath.Dir(o.path), 0o700); err != nil {
		return nil, o.cannotWrite(err)
	}
	if err := r.files.mayWrite(o); err != nil {
		return nil, err
	}
	file := flock.New(o.path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	if err != nil {
		return nil, o.cannotWrite(err)
	}
	if !locked {
		holder, _ := os.ReadFile(holderFile(o.path))
		return nil, fmt.Errorf("%w: %s (lock %s)", errLocked, orUnknown(strings.TrimSpace(string(holder))), o.path)
	}
	if err := signLock(o, r.files.report); err != nil {
		file.Unlock()
		return nil, err
	}
	return &runLock{file}, nil
}

// signLock says in a lock that is held who holds it. What the file is that it
// has opened decides, before any of it is changed.
func signLock(o *output, report string) error {
	signed := *o
	signed.path = holderFile(o.path)
	file, err := os.OpenFile(signed.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return signed.cannotWrite(err)
	}
	defer file.Close()
	if err := signed.judge(file); err != nil {
		return err
	}
	host, _ := os.Hostname()
	if absolute, err := filepath.Abs(report); err == nil {
		report = absolute
	}
	holder := fmt.Sprintf("process %d on %s, since %s, report %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339), report)
	if err := file.Truncate(0); err != nil {
		return signed.cannotWrite(err)
	}
	if _, err := file.WriteAt([]byte(holder), 0); err != nil {
		return signed.cannotWrite(err)
	}
	return nil
}

func (l *runLock) release() { l.file.Unlock() }

func orUnknown(holder string) string {
	if holder == "" {
		return "it has not said who it is"
	}
	return holder
}

// lockName names the lock file of an endpoint, a project and a shard.
func lockName(endpoint, project, shard string) string {
	key := endpoint + "\n" + project
	if shard != "" {
		key += "\n" + shard
	}
	name := sha256.Sum256([]byte(key))
	return fmt.Sprintf("%x.lock", name[:8])
}

// stateFolders are where programs keep their state, the first one that can be
// used: what systemd gives a service, or else what the XDG Base Directory
// Specification says. A user without a home, or with one that cannot be written,
// as nobody has it, gets a folder among the temporary files.
func stateFolders(getenv func(string) string) []string {
	if dirs := getenv("STATE_DIRECTORY"); dirs != "" {
		first, _, _ := strings.Cut(dirs, ":")
		return []string{first}
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return []string{dir}
	}
	temporary := filepath.Join(os.TempDir(), fmt.Sprintf("state-%d", os.Getuid()))
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return []string{filepath.Join(home, ".local", "state"), temporary}
	}
	return []string{temporary}
}
