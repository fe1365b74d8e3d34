package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Who can read a file. On Windows its folder decides that.
const (
	ownerOnly fs.FileMode = 0o600
	everybody fs.FileMode = 0o644
)

// replaceFile writes a file with write; what is its name in errors. The file appears
// whole or not at all, and replaces one that exists.
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
