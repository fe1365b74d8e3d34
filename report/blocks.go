package report

import "os"

// blocks reads a file at random offsets, and caches what it has read recently. The
// results of neighbouring rows are near each other in a journal, if not in the same
// order; reading each of them by itself would take a system call per row of a report.
type blocks struct {
	cache []block // block n is at n modulo the length, if it is cached
}

const (
	blockSize = 32 << 10
	// cachedBlocks are enough for the results of rows that were retried, which come
	// some seconds of work after those of their neighbours.
	cachedBlocks = 128
)

type block struct {
	number int64
	data   []byte // empty if nothing was read
}

// from returns the bytes of the file from an offset to the end of its block. The file has
// size bytes. The result is valid until the next call.
func (b *blocks) from(file *os.File, offset, size int64) ([]byte, error) {
	if b.cache == nil {
		b.cache = make([]block, cachedBlocks)
	}
	n := offset / blockSize
	length := int(min(blockSize, size-n*blockSize))
	c := &b.cache[n%cachedBlocks]
	if c.number != n || len(c.data) < length {
		if c.data == nil {
			c.data = make([]byte, 0, blockSize)
		}
		c.number, c.data = n, c.data[:length]
		if _, err := file.ReadAt(c.data, n*blockSize); err != nil {
			c.data = c.data[:0]
			return nil, err
		}
	}
	return c.data[offset-n*blockSize:], nil
}
