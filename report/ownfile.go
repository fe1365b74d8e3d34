package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrUntrusted says that others may have written a file, or put it there, that decides
// what is done.
var ErrUntrusted = errors.New("it cannot be trusted")

// OpenFile opens an existing regular file, but not through a symbolic link. The flag is
// [os.O_RDONLY] or [os.O_RDWR].
func OpenFile(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag|OpenNoFollow, 0)
	if err != nil {
		if info, e := os.Lstat(path); e == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = &fs.PathError{Op: "open", Path: path, Err: errLink()}
		}
		return nil, err
	}
	// Not every system can refuse to open a link.
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

// openOwn opens a file that passes [CheckOwn].
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

// CheckOwn returns an error if anybody but the user of this process and root may have
// written a file or a directory, as far as the system knows. The error wraps
// [ErrUntrusted] and says what to do. Like ssh with its keys, it checks the owner, the
// permissions and the number of hard links. On a file system that does not store them (a
// FAT volume, a share that maps all users to one), a file passes if a new one beside it
// looks the same. On Windows every file passes.
func CheckOwn(path string, info fs.FileInfo) error {
	err := checkOwn(info)
	if err == nil || madeAlike(path, info) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUntrusted, err)
}

// madeAlike makes a file or a directory beside the one at path, and reports whether both
// look the same to CheckOwn.
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
