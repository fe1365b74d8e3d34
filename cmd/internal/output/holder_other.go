//go:build !windows

package output

import (
	"errors"
	"os"

	"github.com/gofrs/flock"

	"imsrevoke/report"
)

// holderFile is where the holder of the lock at path says who it is.
func holderFile(path string) string { return path }

// openHolder opens the file of a lock that is held: no other one that has taken
// its name since.
func openHolder(path string, lock *flock.Flock) (*os.File, error) {
	file, err := report.OpenFile(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	locked, err := lock.Stat()
	if err == nil {
		var opened os.FileInfo
		if opened, err = file.Stat(); err == nil && !os.SameFile(locked, opened) {
			err = errors.New("it was replaced")
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
