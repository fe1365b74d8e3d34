//go:build !windows

package report

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// newPendingFile makes a file that takes its place at path, whole or not at
// all, when it is complete.
func newPendingFile(path string, readers fs.FileMode) (*renameio.PendingFile, error) {
	options := []renameio.Option{renameio.WithPermissions(readers), renameio.WithTempDir(filepath.Dir(path))}
	if readers != ownerOnly {
		// What a umask takes away is given back by a chmod, which not every file
		// system can do.
		options = append(options, renameio.IgnoreUmask())
	}
	return renameio.NewPendingFile(path, options...)
}

// syncDir brings to the disk that a file in the directory has a new name.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
