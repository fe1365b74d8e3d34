package manifest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// A charset is how the bytes of a file become text.
type charset struct {
	name     string
	encoding encoding.Encoding // nil for UTF-8
	mark     int               // bytes of the byte order mark
	returns  bool              // all lines end in carriage returns
	guessed  bool
}

var (
	utf8Charset    = charset{name: "utf-8"}
	gb18030Charset = charset{name: "gb18030", encoding: simplifiedchinese.GB18030, guessed: true}
	windowsCharset = charset{name: "windows-1252", encoding: charmap.Windows1252, guessed: true}
)

// detectCharset obeys a byte order mark. Without one, valid UTF-8 is UTF-8. For other text
// it guesses between the encodings in which Excel saves on Chinese systems (GBK, a part of
// GB18030) and on Western ones (Windows-1252). ASCII ids are the same in all of them.
func (m *Manifest) detectCharset(ctx context.Context, forced string) (charset, error) {
	head := make([]byte, blockSize)
	n, err := io.ReadFull(m.bytes(ctx), head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return charset{}, err
	}
	head = head[:n]
	if what, hint := foreignFormat(head); what != "" {
		return charset{}, m.refuse(0, "this is "+what+", not CSV", hint)
	}

	marked, hasMark := byteOrderMark(head)
	cs := utf8Charset
	switch {
	case forced != "":
		if cs, err = m.lookupCharset(forced); err != nil {
			return charset{}, err
		}
		if hasMark && marked.name != cs.name {
			return charset{}, m.refuse(0, fmt.Sprintf("the byte order mark says %s, --encoding says %s", marked.name, cs.name),
				"leave --encoding out")
		}
		cs.mark = marked.mark
	case hasMark:
		cs = marked
	default:
		if name := unmarkedUTF16(head); name != "" {
			return charset{}, m.refuse(0, "this looks like UTF-16 without a byte order mark", "pass --encoding "+name)
		}
	}

	flaw, err := m.findFlaw(ctx, &cs)
	switch {
	case err != nil || flaw == nil:
		return cs, err
	case flaw.nul:
		return charset{}, m.refuse(flaw.line, fmt.Sprintf("there is a NUL at byte offset %d: the file is damaged, or not text", flaw.offset),
			"export it again")
	case forced != "" || hasMark:
		return charset{}, m.refuse(flaw.line, fmt.Sprintf("the byte at offset %d is not %s", flaw.offset, cs.name),
			"name the file's encoding with --encoding, or export it again as UTF-8")
	}
	return m.guessCharset(ctx, flaw)
}

// guessCharset chooses between GB18030 and Windows-1252 for a file that has a
// flaw as UTF-8.
func (m *Manifest) guessCharset(ctx context.Context, flaw *flaw) (charset, error) {
	g, err := m.guessEncoding(ctx)
	if err != nil {
		return charset{}, err
	}
	cs := gb18030Charset
	switch other, err := m.findFlaw(ctx, &cs); {
	case err != nil:
		return charset{}, err
	case other == nil && (g.chinese() || !g.latin()):
		return cs, nil
	}
	if g.latin() {
		cs = windowsCharset
		if other, err := m.findFlaw(ctx, &cs); err != nil || other == nil {
			return cs, err
		}
	}
	return charset{}, m.refuse(flaw.line, fmt.Sprintf("the byte at offset %d is not UTF-8, and the file is not GB18030 either", flaw.offset),
		"name its encoding with --encoding, for instance windows-1252")
}

func (m *Manifest) lookupCharset(name string) (charset, error) {
	enc, err := htmlindex.Get(name)
	if err != nil {
		return charset{}, m.refuse(0, fmt.Sprintf("the encoding %q is not known", name),
			"give --encoding a name such as utf-8, utf-16le, gb18030, big5, shift_jis or windows-1252")
	}
	canonical, err := htmlindex.Name(enc)
	if err != nil {
		return charset{}, m.refuse(0, fmt.Sprintf("the encoding %q is not supported: %v", name, err), "export the file again as UTF-8")
	}
	if canonical == utf8Charset.name {
		return utf8Charset, nil
	}
	return charset{name: canonical, encoding: enc}, nil
}

func byteOrderMark(head []byte) (charset, bool) {
	for _, c := range []struct {
		mark string
		charset
	}{
		{"\xef\xbb\xbf", utf8Charset},
		{"\xff\xfe", charset{name: "utf-16le", encoding: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}},
		{"\xfe\xff", charset{name: "utf-16be", encoding: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}},
	} {
		if bytes.HasPrefix(head, []byte(c.mark)) {
			c.charset.mark = len(c.mark)
			return c.charset, true
		}
	}
	return charset{}, false
}

// unmarkedUTF16 returns the kind of UTF-16 in which mostly ASCII text would have as many
// NULs as head, or "".
func unmarkedUTF16(head []byte) string {
	var nuls [2]int
	for i, c := range head {
		if c == 0 {
			nuls[i%2]++
		}
	}
	switch {
	case 4*(nuls[0]+nuls[1]) < len(head) || len(head) < 2:
		return ""
	case nuls[0] > nuls[1]:
		return "utf-16be"
	}
	return "utf-16le"
}
