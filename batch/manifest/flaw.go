package manifest

import (
	"bytes"
	"context"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// A flaw is the first place of a file that is not text in its charset.
type flaw struct {
	offset int64 // in the file, in bytes
	line   int
	nul    bool // the text holds U+0000 there
}

// findFlaw reads the whole file and returns its first flaw. If it has none,
// findFlaw notes in cs how its lines end, and returns nil.
func (m *Manifest) findFlaw(ctx context.Context, cs *charset) (*flaw, error) {
	src := m.bytes(ctx)
	if _, err := io.CopyN(io.Discard, src, int64(cs.mark)); err != nil {
		return nil, err
	}
	c := &checker{offset: int64(cs.mark), line: 1}
	check := c.utf8
	if cs.encoding != nil {
		c.encoding = cs.encoding
		c.decoder = cs.encoding.NewDecoder()
		c.text = make([]byte, 4*blockSize)
		check = c.decoded
	}
	buf, filled := make([]byte, blockSize), 0
	for {
		n, err := src.Read(buf[filled:])
		if err != nil && err != io.EOF {
			return nil, err
		}
		filled += n
		before := c.offset
		if f := check(buf[:filled], err == io.EOF); f != nil {
			return f, nil
		}
		if err == io.EOF {
			cs.returns = c.returns && c.line == 1
			return nil, nil
		}
		filled = copy(buf, buf[c.offset-before:filled])
	}
}

// A checker checks a file block by block. Its methods return the first flaw of a block.
// If there is none, they advance offset and line past the block, except for an incomplete
// character at its end.
type checker struct {
	offset   int64
	line     int
	returns  bool // there are carriage returns
	encoding encoding.Encoding
	decoder  *encoding.Decoder
	text     []byte
}

func (c *checker) utf8(block []byte, atEOF bool) *flaw {
	if !atEOF {
		block = block[:len(block)-incompleteTail(block)]
	}
	end := bytes.IndexByte(block, 0)
	nul := end >= 0
	if !nul {
		end = len(block)
	}
	if !utf8.Valid(block[:end]) {
		end, nul = firstInvalid(block), false
	}
	c.offset += int64(end)
	c.count(block[:end])
	if end < len(block) {
		return &flaw{c.offset, c.line, nul}
	}
	return nil
}

// count counts the lines of text without a flaw.
func (c *checker) count(text []byte) {
	c.line += bytes.Count(text, []byte{'\n'})
	c.returns = c.returns || bytes.IndexByte(text, '\r') >= 0
}

// incompleteTail counts the bytes of an incomplete character at the end of b.
func incompleteTail(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

func firstInvalid(b []byte) int {
	at := 0
	for at < len(b) {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

func (c *checker) decoded(block []byte, atEOF bool) *flaw {
	for {
		// The decoders replace what they cannot decode with U+FFFD.
		nDst, nSrc, err := c.decoder.Transform(c.text, block, atEOF)
		text := c.text[:nDst]
		if bytes.IndexByte(text, 0) >= 0 || bytes.ContainsRune(text, utf8.RuneError) {
			if f := c.locate(block[:nSrc]); f != nil {
				return f
			}
		}
		c.offset += int64(nSrc)
		c.count(text)
		block = block[nSrc:]
		if err != transform.ErrShortDst {
			return nil
		}
	}
}

// locate decodes a block character by character to find its first flaw. A U+FFFD that the
// file itself contains is not one.
func (c *checker) locate(block []byte) *flaw {
	written, err := c.encoding.NewEncoder().Bytes([]byte(string(utf8.RuneError)))
	if err != nil {
		written = nil
	}
	decoder := c.encoding.NewDecoder()
	line := c.line
	for at := 0; at < len(block); {
		r, size := nextRune(decoder, block[at:])
		switch {
		case size == 0:
			return nil
		case r == 0, r == utf8.RuneError && (written == nil || !bytes.HasPrefix(block[at:], written)):
			return &flaw{c.offset + int64(at), line, r == 0}
		case r == '\n':
			line++
		}
		at += size
	}
	return nil
}

// nextRune decodes one character of src and returns its length in src. The destination
// grows byte by byte, so that it never has room for two.
func nextRune(decoder *encoding.Decoder, src []byte) (r rune, size int) {
	var dst [utf8.UTFMax]byte
	for room := 1; room <= len(dst); room++ {
		n, size, err := decoder.Transform(dst[:room], src, true)
		if size > 0 {
			r, _ := utf8.DecodeRune(dst[:n])
			return r, size
		}
		if err != transform.ErrShortDst {
			break
		}
	}
	return utf8.RuneError, 0
}
