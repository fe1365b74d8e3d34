package manifest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// openFile opens the file at path. If that cannot be read twice, once for its encoding and
// once for its rows, it is copied to a temporary file first.
func (m *Manifest) openFile(ctx context.Context, path string, opts Options) (*os.File, error) {
	if path == "-" {
		in := opts.Stdin
		if in == nil {
			in = os.Stdin
		}
		return m.spool(ctx, in, opts.TempDir, maxSpool)
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
	return m.spool(ctx, f, opts.TempDir, maxSpool)
}

func (m *Manifest) refuseFile(err error) error {
	e := m.refuse(0, err.Error(), "check the path and its permissions")
	e.Err = err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		e.Problem = fmt.Sprintf("cannot %s it: %v", pathErr.Op, pathErr.Err)
	}
	return e
}

// maxSpool limits the copy of an input that may be endless. More than ten million rows
// fit.
const maxSpool = 4 << 30

// spool copies r to a temporary file that only its owner can read, and that is unlinked if
// the system allows that. It is in dir, or in [os.TempDir] if that fails. spool refuses
// more than most bytes, and text that starts with a block of NULs.
func (m *Manifest) spool(ctx context.Context, r io.Reader, dir string, most int64) (*os.File, error) {
	const pattern = ".imsrevoke-*.csv"
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		f, err = os.CreateTemp("", pattern)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot keep a copy of %s: %w", m.Name, err)
	}
	// Only this process needs the copy, so it is unlinked at once. If the system cannot
	// remove an open file, closeFile does.
	m.private = true
	if os.Remove(f.Name()) != nil {
		m.copied = f.Name()
	}
	if err := m.copyTo(f, &contextReader{ctx, r}, most); err != nil {
		_ = f.Close()
		if m.copied != "" {
			_ = os.Remove(m.copied)
		}
		return nil, err
	}
	return f, nil
}

func (m *Manifest) copyTo(f *os.File, r io.Reader, most int64) error {
	limited := io.LimitReader(r, most+1)
	copied, err := io.CopyN(f, limited, blockSize)
	if err == nil {
		head := make([]byte, blockSize)
		if _, err := f.ReadAt(head, 0); err != nil {
			return fmt.Errorf("cannot keep a copy of %s: %w", m.Name, err)
		}
		if bytes.Count(head, []byte{0}) == len(head) {
			return m.refuse(1, "it is not text: it starts with NUL bytes", "name the CSV file")
		}
		var rest int64
		rest, err = io.Copy(f, limited)
		copied += rest
	}
	switch {
	case err != nil && err != io.EOF:
		return fmt.Errorf("cannot keep a copy of %s: %w", m.Name, err)
	case copied > most:
		return m.refuse(0, fmt.Sprintf("it is longer than %d bytes", most), "if it ends at all, save it to a file and name that file")
	}
	return nil
}

// A contextReader returns the cause of its context once that has ended. It does not
// interrupt a read.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
