package plain

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWhatIsNoTextIsReplaced(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, text, line string }{
		{"ASCII", "a b~!", "a b~!", "a b~!"},
		{"other scripts", "图像 größe שלום 🙂 a\u00a0b\u3000c", "图像 größe שלום 🙂 a\u00a0b\u3000c", "图像 größe שלום 🙂 a\u00a0b\u3000c"},
		{"a screen that is cleared", "p\x1b[2Jid", "p�[2Jid", "p�[2Jid"},
		{"a title with a bell", "\x1b]0;PWNED\x07", "�]0;PWNED�", "�]0;PWNED�"},
		{"C1", "a\u009b2Jb\u0085c", "a�2Jb�c", "a�2Jb�c"},
		{"the raw bytes of C1", "a\x9b2J", "a�2J", "a�2J"},
		{"a line that is written over", "no\rok\bx\x7f", "no�ok�x�", "no�ok�x�"},
		{"layout", "a\n\tb", "a\n\tb", "a��b"},
		{"other line ends", "a\u2028b\u2029c\vd\fe", "a�b�c�d�e", "a�b�c�d�e"},
		{"overrides", "a\u202eb\u2066c\u200fd\u061ce", "a�b�c�d�e", "a�b�c�d�e"},
		{"what is not seen", "a\u200bb\ufeffc\u00add\U000e0041e", "a�b�c�d�e", "a�b�c�d�e"},
		{"private use and no character", "a\ue000b\ufffe", "a�b�", "a�b�"},
		{"NUL", "a\x00b", "a�b", "a�b"},
		{"the replacement itself", "a�b", "a�b", "a�b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Text(tt.in); got != tt.text {
				t.Errorf("Text: %q; want %q", got, tt.text)
			}
			if got := Line(tt.in); got != tt.line {
				t.Errorf("Line: %q; want %q", got, tt.line)
			}
		})
	}
}

// TestItMakesNoDifferenceHowTextIsWritten: nor how often it is made plain, and
// nothing but text is left.
func TestItMakesNoDifferenceHowTextIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(rt, "text") + "."
		want := Text(in)
		var b strings.Builder
		w := NewWriter(&b)
		for rest := in; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "bytes")
			if wrote, err := w.Write([]byte(rest[:n])); wrote != n || err != nil {
				rt.Fatalf("%d of %d bytes, %v", wrote, n, err)
			}
			rest = rest[n:]
		}
		if got := b.String(); got != want {
			rt.Errorf("%q is written as %q, and is %q", in, got, want)
		}
		if again := Text(want); again != want {
			rt.Errorf("%q becomes %q", want, again)
		}
		for _, r := range want {
			if !unicode.IsGraphic(r) && r != '\n' && r != '\t' {
				rt.Errorf("%q has %U", want, r)
			}
		}
		if !utf8.ValidString(Line(in)) || strings.ContainsAny(Line(in), "\n\t\r") {
			rt.Errorf("%q is no line", Line(in))
		}
	})
}
