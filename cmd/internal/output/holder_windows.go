package output

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"imsrevoke/report"
)

// holderFile is where the holder of the lock at path says who it is. A file that
// is locked cannot be read here.
func holderFile(path string) string { return path + ".holder" }

// openHolder opens the file beside a lock that is held, and makes it if need be.
func openHolder(path string, _ *flock.Flock) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return report.OpenFile(path, os.O_RDWR)
	}
	return file, err
}
