package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Who can read a file. On Windows that is what its folder says.
const (
	ownerOnly fs.FileMode = 0o600
	everybody fs.FileMode = 0o644
)

// replaceFile makes a file, which errors call the what, of what write writes.
// It appears whole or not at all, in the place of one that exists.
func replaceFile(path, what string, readers fs.FileMode, write func(io.Writer) error) error {
	file, err := newPendingFile(path, readers)
	if err != nil {
		return fmt.Errorf("write the %s: %w", what, err)
	}
	defer file.Cleanup()
	if err := write(file); err != nil {
		return err
	}
	if err := errors.Join(file.CloseAtomicallyReplace(), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("write the %s: %w", what, err)
	}
	return nil
}
