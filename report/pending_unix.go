//go:build !windows

package report

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// newPendingFile makes a file that takes its place at path, whole or not at
// all, when it is complete. Only the owner can read it.
func newPendingFile(path string) (*renameio.PendingFile, error) {
	return renameio.NewPendingFile(path, renameio.WithPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
}

// syncDir brings to the disk that a file in the directory has a new name.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
