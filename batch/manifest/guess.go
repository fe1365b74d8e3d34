package manifest

import (
	"bufio"
	"context"
	"io"
	"strings"
	"unicode/utf8"
)

// A guess is the evidence for the encoding of a file that is not UTF-8. Any file is valid
// Windows-1252, and most such files are valid GB18030, too, where "Müller" becomes
// "M黮ler". So it counts in which of them the text looks like a language.
type guess struct {
	// double counts the characters of two bytes or more if it is GB18030, and
	// common those of them that are punctuation or among the 3,755 most frequent
	// Chinese characters, which are the first level of GB 2312. An accented
	// letter of Windows-1252 and what follows it is hardly ever one of these.
	double, common int
	// words counts the groups of bytes above ASCII that are letters of Windows-1252
	// if it is that, and western those of them that are one or two letters of a
	// word that is ASCII otherwise.
	words, western int
	// impossible counts the groups that do not occur in Windows-1252: undefined bytes,
	// and characters of UTF-8.
	impossible int
}

// chinese reports whether most characters are common ones.
func (g *guess) chinese() bool { return 2*g.common >= g.double && g.double > 0 }

// latin reports whether it is likely to be Windows-1252.
func (g *guess) latin() bool { return g.impossible == 0 && 2*g.western > g.words }

// guessEncoding reads the whole file.
func (m *Manifest) guessEncoding(ctx context.Context) (g guess, err error) {
	in := bufio.NewReaderSize(m.bytes(ctx), blockSize)
	var group []byte  // of bytes above ASCII
	var before byte   // before the group
	var lead, odd int // the first byte of a character of GB18030, or 0; bytes of it still to come
	for {
		c, err := in.ReadByte()
		if err != nil && err != io.EOF {
			return g, err
		}
		switch {
		case odd > 0:
			odd--
		case lead > 0:
			g.double++
			switch {
			case '0' <= c && c <= '9':
				odd = 2 // of four bytes
			case c >= 0xa1 && (0xa1 <= lead && lead <= 0xa3 || 0xb0 <= lead && lead <= 0xd7):
				g.common++
			}
			lead = 0
		case c > 0x80:
			lead = int(c)
		}
		if err == nil && c >= utf8.RuneSelf && len(group) < 8 {
			group = append(group, c)
			continue
		}
		if len(group) > 0 {
			g.add(group, isLetter(before) || isLetter(c))
			group = group[:0]
		}
		if err == io.EOF {
			return g, nil
		}
		before = c
	}
}

// add counts a group of bytes above ASCII. inWord says that an ASCII letter is next to it.
func (g *guess) add(group []byte, inWord bool) {
	const (
		undefined = "\x81\x8d\x8f\x90\x9d"
		symbols   = "\x80\x82\x84\x85\x91\x92\x93\x94\x95\x96\x97\x99\xa0\xa1\xa3\xa7\xa9\xab\xae\xb0\xb2\xb3\xb4\xb7\xbb\xbf"
	)
	isSymbol := true
	for _, c := range group {
		if strings.IndexByte(undefined, c) >= 0 {
			g.impossible++
			return
		}
		isSymbol = isSymbol && strings.IndexByte(symbols, c) >= 0
	}
	switch {
	case utf8.Valid(group):
		g.impossible++
	case isSymbol:
	default:
		g.words++
		if len(group) <= 2 && inWord {
			g.western++
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
