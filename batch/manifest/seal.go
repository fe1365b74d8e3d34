package manifest

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"os"
)

const blockSize = 64 << 10

// A sealed is an open file together with the hashes of its blocks, so that
// every later reading hands on the same bytes or fails.
//
// Readings share the file through ReadAt and may run at the same time.
type sealed struct {
	name string
	file *os.File
	size int64
	seed maphash.Seed
	sums []uint64 // of each block of blockSize bytes; the last may be shorter
}

// seal reads the file once. It takes over the file, and closes it on failure.
func seal(ctx context.Context, name string, file *os.File) (*sealed, error) {
	s := &sealed{name: name, file: file, seed: maphash.MakeSeed()}
	block := make([]byte, blockSize)
	for {
		if ctx.Err() != nil {
			_ = file.Close()
			return nil, context.Cause(ctx)
		}
		n, err := file.ReadAt(block, s.size)
		if n > 0 {
			s.sums = append(s.sums, maphash.Bytes(s.seed, block[:n]))
			s.size += int64(n)
		}
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
}

// reader starts a reading from the start.
func (s *sealed) reader(ctx context.Context) *sealedReader {
	return &sealedReader{ctx: ctx, sealed: s, block: make([]byte, blockSize)}
}

// A sealedReader hands on a sealed file, each block after it has been verified.
type sealedReader struct {
	ctx    context.Context
	sealed *sealed
	next   int // block
	block  []byte
	rest   []byte // of the block, not yet handed on
	err    error
}

func (r *sealedReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && r.err == nil {
		r.rest, r.err = r.load()
	}
	if r.err != nil {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *sealedReader) load() ([]byte, error) {
	s := r.sealed
	if r.ctx.Err() != nil {
		return nil, context.Cause(r.ctx)
	}
	if r.next == 0 || r.next == len(s.sums) {
		info, err := s.file.Stat()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.name, err)
		}
		if info.Size() != s.size {
			return nil, s.changed()
		}
	}
	if r.next == len(s.sums) {
		return nil, io.EOF
	}
	offset := int64(r.next) * blockSize
	block := r.block[:min(blockSize, s.size-offset)]
	n, err := s.file.ReadAt(block, offset)
	if n < len(block) && err != io.EOF {
		return nil, fmt.Errorf("reading %s: %w", s.name, err)
	}
	if n < len(block) || maphash.Bytes(s.seed, block) != s.sums[r.next] {
		return nil, s.changed()
	}
	r.next++
	return block, nil
}

func (s *sealed) changed() error { return fmt.Errorf("%s: %w", s.name, ErrChanged) }
