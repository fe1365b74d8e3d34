package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// errLocked says that another run holds the lock.
var errLocked = errors.New("another run is under way")

// A runLock keeps two runs against the same endpoint and project, of the same
// shard of a file, from going on at the same time. The system lets go of it when the process ends, however it
// ends; the file stays, because removing it would race with the next run.
type runLock struct{ file *flock.Flock }

// lockRun takes the lock at path. It does not wait: when another run holds it,
// the error wraps [errLocked] and says who that is.
func lockRun(path, report string) (*runLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the lock: %w; name another file with --lock", err)
	}
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w; name another file with --lock", path, err)
	}
	if !locked {
		holder, _ := os.ReadFile(holderFile(path))
		return nil, fmt.Errorf("%w: %s (lock %s)", errLocked, orUnknown(strings.TrimSpace(string(holder))), path)
	}
	host, _ := os.Hostname()
	if absolute, err := filepath.Abs(report); err == nil {
		report = absolute
	}
	holder := fmt.Sprintf("process %d on %s, since %s, report %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339), report)
	if err := os.WriteFile(holderFile(path), []byte(holder), 0o600); err != nil {
		file.Unlock()
		return nil, fmt.Errorf("lock %s: %w; name another file with --lock", path, err)
	}
	return &runLock{file}, nil
}

func (l *runLock) release() { l.file.Unlock() }

func orUnknown(holder string) string {
	if holder == "" {
		return "it has not said who it is"
	}
	return holder
}

// defaultLock is the lock file for an endpoint, a project and a shard, in the
// folder where the user's programs keep their state.
func defaultLock(getenv func(string) string, endpoint, project, shard string) string {
	key := endpoint + "\n" + project
	if shard != "" {
		key += "\n" + shard
	}
	name := sha256.Sum256([]byte(key))
	return filepath.Join(stateFolder(getenv), "imsrevoke", fmt.Sprintf("%x.lock", name[:8]))
}

// stateFolder is where programs keep their state: what systemd gives a
// service, or else what the XDG Base Directory Specification says, or, for a
// user without a home, a folder of their own among the temporary files.
func stateFolder(getenv func(string) string) string {
	if dirs := getenv("STATE_DIRECTORY"); dirs != "" {
		first, _, _ := strings.Cut(dirs, ":")
		return first
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("state-%d", os.Getuid()))
}
