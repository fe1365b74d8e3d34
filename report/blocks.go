package report

import "os"

// blocks reads a file here and there, and remembers what it has read lately.
// The results of neighbouring rows stand near each other in a journal, if not
// in the same order; to read each of them by itself would take a system call
// for every row of a report.
type blocks struct {
	cache []block // where block n may stand: at n modulo the length
}

const (
	blockSize = 32 << 10
	// cachedBlocks are enough for the results of rows that were tried again,
	// which stand some seconds of work behind their neighbours'.
	cachedBlocks = 128
)

type block struct {
	number int64
	data   []byte // empty when nothing was read
}

// from returns what stands in the file from an offset to the end of the block
// that holds it; the file is size long. It is good until the next call.
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
