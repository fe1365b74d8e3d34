package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrUntrusted says that others may have written a file, or put it there, by whose
// word something would be done or left undone.
var ErrUntrusted = errors.New("it cannot be trusted")

// OpenFile opens a regular file that exists, and no link to one. The flag is one
// of [os.O_RDONLY] and [os.O_RDWR].
func OpenFile(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag|OpenNoFollow, 0)
	if err != nil {
		if info, e := os.Lstat(path); e == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = &fs.PathError{Op: "open", Path: path, Err: errLink()}
		}
		return nil, err
	}
	// Where the system cannot refuse a link, it is looked for.
	named, err := os.Lstat(path)
	if err == nil {
		var opened fs.FileInfo
		opened, err = file.Stat()
		switch {
		case err != nil:
		case named.Mode()&fs.ModeSymlink != 0:
			err = errLink()
		case !os.SameFile(named, opened):
			err = errors.New("it was replaced")
		case !opened.Mode().IsRegular():
			err = errors.New("it is not a regular file")
		}
	}
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

func errLink() error {
	return fmt.Errorf("%w: it is a symbolic link; name the file itself", ErrUntrusted)
}

// openOwn opens a file that must be ours: see [CheckOwn].
func openOwn(path string, flag int) (*os.File, error) {
	file, err := OpenFile(path, flag)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = CheckOwn(path, info)
	}
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

// CheckOwn reports whether others than the user of this process, and root, may
// have written a file or a directory, as far as the system tells: the error wraps
// [ErrUntrusted] and says what to do. As ssh does with its keys, it asks who owns it,
// who else may write to it, and whether it has other names. Where a file system
// does not keep that (a FAT volume, a share that maps every user to one), one that
// is no different from what is made there now is ours. On Windows nothing is asked.
func CheckOwn(path string, info fs.FileInfo) error {
	err := checkOwn(info)
	if err == nil || madeAlike(path, info) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUntrusted, err)
}

// madeAlike makes a file or a directory beside the one at path, and reports
// whether the system tells of both the same.
func madeAlike(path string, info fs.FileInfo) bool {
	const pattern = ".imsrevoke-*"
	var name string
	if info.IsDir() {
		var err error
		if name, err = os.MkdirTemp(filepath.Dir(path), pattern); err != nil {
			return false
		}
	} else {
		file, err := os.CreateTemp(filepath.Dir(path), pattern)
		if err != nil {
			return false
		}
		name = file.Name()
		file.Close()
	}
	made, err := os.Lstat(name)
	return errors.Join(err, os.Remove(name)) == nil && alike(info, made)
}
