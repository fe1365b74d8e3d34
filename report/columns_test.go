package report

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"imsrevoke/batch"
)

func TestNoCellIsRunAsAFormula(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"":                   "",
		"a=b":                "a=b",
		"a, =b":              "a, =b",
		"=1+1":               "'=1+1",
		"+cmd|' /C calc'!A1": "'+cmd|' /C calc'!A1",
		"@SUM(1)":            "'@SUM(1)",
		"＝1+1":               "'＝1+1",
		"-5":                 "-5",
		"+5,3":               "+5,3",
		"-5 ":                "-5 ",
		"-5;-6":              "-5;-6",
		"- item":             "'- item",
		// Blanks before it, and what is not seen.
		" =1":           "' =1",
		"\u00a0=1":      "'\u00a0=1",
		"\ufeff=1":      "'\ufeff=1",
		"\u3000\u200b@": "'\u3000\u200b@",
		"\"=1\"":        "\"=1\"",
		"\t=1":          "'\t'=1",
		"\t1":           "'\t1",
		"\r\n1":         "'\r\n1",
		// Where the spreadsheet's delimiter is another one.
		"a;=1+1;b": "a;'=1+1;b",
		"a; =1":    "a;' =1",
		"a\t=1":    "a\t'=1",
		"a;@b;-c":  "a;'@b;'-c",
		"a:\n- b":  "a:\n- b", // a list within a note
		"=1;=2":    "'=1;'=2",
		";=1":      ";'=1",
		"a;b":      "a;b",
		"a;'=1":    "a;'=1",
		// A quote there begins a cell; behind a blank, or in the first one, which the
		// CSV quotes itself, it is one.
		"a;\"=1;b":  "a;'\"=1;b",
		"a; \"-x\"": "a; \"-x\"",
		"'=1":       "'=1",
		"a;;;+1+1;": "a;;;'+1+1;",
		"x\x00\x1b": "x\x00\x1b",
	} {
		if got := defuse(cell); got != want {
			t.Errorf("%q becomes %q; want %q", cell, got, want)
		}
	}
}

// TestDefusingDoesNoMore: it only adds apostrophes, and none the second time.
func TestDefusingDoesNoMore(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{"=", "+", "-", "@", "＝", ";", "\t", "\n", "\r", " ", "\u00a0", "\ufeff", "'", "\"", "1", "a", ","})
	rapid.Check(t, func(rt *rapid.T) {
		cell := strings.Join(rapid.SliceOf(part).Draw(rt, "cell"), "")
		once := defuse(cell)
		if again := defuse(once); again != once {
			rt.Errorf("%q becomes %q, and that %q", cell, once, again)
		}
		if strings.ReplaceAll(once, "'", "") != strings.ReplaceAll(cell, "'", "") {
			rt.Errorf("%q becomes %q", cell, once)
		}
		for _, piece := range strings.FieldsFunc(once, func(r rune) bool { return strings.ContainsRune(cellEnds, r) }) {
			if isFormula(piece) {
				rt.Errorf("%q becomes %q, in which %q is a formula", cell, once, piece)
			}
		}
	})
}

// TestWhatAServerSaysIsTextInTheReport: also when an older version wrote it down.
func TestWhatAServerSaysIsTextInTheReport(t *testing.T) {
	t.Parallel()
	e := Entry{Result: batch.Result{Outcome: batch.Rejected, RequestID: "=cmd|calc", Message: "a\x1b[2J\u202eb;=1", AlsoSharedWith: "\u2066@x"}}
	c := columnsOf(&e)
	if c.RequestID != "'=cmd|calc" || c.Message != "a�[2J�b;'=1" || c.AlsoShared != "�@x" {
		t.Errorf("got %q, %q and %q", c.RequestID, c.Message, c.AlsoShared)
	}
}

func TestNoColumnHasTheNameOfAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want []string }{
		{[]string{"note", "line"}, []string{"note", "input_line"}},
		{[]string{"line", "input_line"}, []string{"input_input_line", "input_line"}},
		{[]string{"input_line", "line"}, []string{"input_line", "input_input_line"}},
		{[]string{"line", "line"}, []string{"input_line", "input_input_line"}},
		{[]string{"note", "note"}, []string{"note", "note"}}, // as it was
		{[]string{"=1"}, []string{"'=1"}},
	} {
		got := inputNames(tt.in)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q become %q; want %q", tt.in, got, tt.want)
		}
		if again := inputNames(got); !slices.Equal(again, got) {
			t.Errorf("%q become %q, and once more %q", tt.in, got, again)
		}
	}
}
