package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Who can read a file. On Windows that is what its folder says.
const (
	ownerOnly fs.FileMode = 0o600
	everybody fs.FileMode = 0o644
)

// replaceFile makes a file, which errors call the what, of what write writes.
// It appears whole or not at all, in the place of one that exists.
func replaceFile(path, what string, readers fs.FileMode, write func(io.Writer) error) error {
	removeUnfinished(path)
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

// removeUnfinished removes what a process that was killed has left of a file
// at this path: files that are named as renameio names those to be renamed. It
// is only a courtesy, so that errors do not matter.
func removeUnfinished(path string) {
	dir, base := filepath.Dir(path), filepath.Base(path)
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		digits, ours := strings.CutPrefix(entry.Name(), "."+base)
		if ours && digits != "" && strings.Trim(digits, "0123456789") == "" && entry.Type().IsRegular() {
			os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}
