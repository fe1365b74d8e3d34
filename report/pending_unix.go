//go:build !windows

package report

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// newPendingFile creates a file that appears at path, whole or not at all, once it is
// complete.
func newPendingFile(path string, readers fs.FileMode) (*renameio.PendingFile, error) {
	options := []renameio.Option{renameio.WithPermissions(readers), renameio.WithTempDir(filepath.Dir(path))}
	if readers != ownerOnly {
		// The permissions that a umask removes are restored by a chmod, which not every
		// file system supports.
		options = append(options, renameio.IgnoreUmask())
	}
	return renameio.NewPendingFile(path, options...)
}

// syncDir syncs a directory in which a file has a new name.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
