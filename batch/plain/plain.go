// Package plain makes text of what others have written, for people to look at.
//
// A file, a server or another user chooses the words of a message: a project's
// name, a proxy's status text, a cell. On a terminal some of them are no text but
// orders (escape sequences, control characters), and in any place characters that
// are not seen turn the order of others round (U+202E and its like, see Unicode
// Technical Report 36, "bidirectional text spoofing"). All of these are replaced
// by U+FFFD. What is seen, in any script, stays.
package plain

import (
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text returns s without what is no text. Tabs and line ends stay.
func Text(s string) string {
	if isASCII(s, true) {
		return s
	}
	return string(appendText(make([]byte, 0, len(s)), s, true))
}

// Line returns s as one line of text: without line ends and tabs, too.
func Line(s string) string {
	if isASCII(s, false) {
		return s
	}
	return string(appendText(make([]byte, 0, len(s)), s, false))
}

// isASCII reports whether s is nothing but visible ASCII and blanks, as nearly
// all text is.
func isASCII(s string, layout bool) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c > '~') && !(layout && isLayout(rune(c))) {
			return false
		}
	}
	return true
}

func isLayout(r rune) bool { return r == '\n' || r == '\t' }

func appendText(b []byte, s string, layout bool) []byte {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) || !unicode.IsGraphic(r) && !(layout && isLayout(r)) {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}

// A Writer passes text on to another writer, as [Text] has it. It may be used by
// several goroutines at once.
type Writer struct {
	to   io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character whose end was not written yet
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Unwrap returns the writer to which the text is passed on.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Write takes all of p. An incomplete character at its end is kept until the next
// call, which completes it.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.rest, p...)
	whole := len(text)
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				whole -= n
			}
			break
		}
	}
	_, err := io.WriteString(w.to, Text(string(text[:whole])))
	w.rest = append([]byte(nil), text[whole:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Command is a command line for a POSIX shell, of these words. It quotes those
// that need it.
func Command(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsFunc(word, needsQuotes) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func needsQuotes(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_@%+=:,./-", r))
}
