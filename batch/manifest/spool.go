package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// openFile opens what path names, and copies it to a temporary file first when
// it cannot be read twice.
func (m *Manifest) openFile(ctx context.Context, path string, opts Options) (*os.File, error) {
	if path == "-" {
		in := opts.Stdin
		if in == nil {
			in = os.Stdin
		}
		return m.spool(ctx, in, opts.TempDir)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, m.refuseFile(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		_ = f.Close()
		return nil, m.refuseFile(err)
	case info.Mode().IsRegular():
		return f, nil
	}
	defer f.Close()
	if info.IsDir() {
		return nil, m.refuse(0, "this is a directory", "name the CSV file in it")
	}
	return m.spool(ctx, f, opts.TempDir)
}

func (m *Manifest) refuseFile(err error) error {
	e := m.refuse(0, err.Error(), "check the path and its permissions")
	e.Err = err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		e.Problem = fmt.Sprintf("cannot %s it: %v", pathErr.Op, pathErr.Err)
	}
	return e
}

// spool copies r to a temporary file that only its owner can read and that has
// no name any more where the system allows that.
func (m *Manifest) spool(ctx context.Context, r io.Reader, dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "imsrevoke-*.csv")
	if err != nil {
		return nil, fmt.Errorf("keeping a copy of %s: %w", m.Name, err)
	}
	// The copy is worth nothing without this process. A system that cannot
	// remove an open file leaves it to its temporary directory.
	_ = os.Remove(f.Name())
	if _, err := io.Copy(f, &contextReader{ctx, r}); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("keeping a copy of %s: %w", m.Name, err)
	}
	return f, nil
}

// A contextReader fails between two reads once its context has ended.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
