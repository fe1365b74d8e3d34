package report

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// A pendingFile appears at path, whole or not at all, once it is complete. The folder
// decides who can read it.
type pendingFile struct {
	*os.File
	path string
	over bool
}

func newPendingFile(path string, _ fs.FileMode) (*pendingFile, error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return nil, err
	}
	return &pendingFile{File: file, path: path}, nil
}

// CloseAtomicallyReplace moves the file to its path, and syncs that. It fails if a
// program has an older file there open without sharing it, as Excel does.
func (p *pendingFile) CloseAtomicallyReplace() error {
	if err := errors.Join(p.Sync(), p.Close()); err != nil {
		return err
	}
	from, err := windows.UTF16PtrFromString(p.Name())
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(p.path)
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(from, to, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "rename", Old: p.Name(), New: p.path, Err: err}
	}
	p.over = true
	return nil
}

// Cleanup removes a file that was not moved to its path.
func (p *pendingFile) Cleanup() error {
	if p.over {
		return nil
	}
	p.over = true
	return errors.Join(p.Close(), os.Remove(p.Name()))
}

// syncDir does nothing: CloseAtomicallyReplace syncs the new name.
func syncDir(string) error { return nil }
